-- Random numbers of a seed, the same on every machine and whatever else draws some.

local dice = {}

---@param seed integer
---@return fun(n: integer): integer roll 1 to n
function dice.new(seed)
  local state = seed
  return function(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n + 1
  end
end

---@param list any[]
---@param roll fun(n: integer): integer
function dice.shuffle(list, roll)
  for i = #list, 2, -1 do
    local j = roll(i)
    list[i], list[j] = list[j], list[i]
  end
end

return dice

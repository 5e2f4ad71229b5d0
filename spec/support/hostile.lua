-- Hostile scripts made by a seed: an evil deed, wrapped into places where a deed can hide.
local hostile = {}

local function lines(path)
  local list = {}
  for line in io.lines(path) do
    if not line:find "^%-%-" then list[#list + 1] = line end
  end
  return list
end

local DEEDS = lines "spec/support/hostile/deeds.txt"
local PLACES = lines "spec/support/hostile/places.txt"

---The text of a script's function body, always the same for a seed.
---@param seed integer
---@return string
function hostile.body(seed)
  math.randomseed(seed)
  local function pick(list) return list[math.random(#list)] end
  local text = pick(DEEDS):gsub("%$", function() return tostring(math.random(2, 5)) end)
  for _ = 1, math.random(0, 4) do
    local inner = text
    text = pick(PLACES):gsub("@", function() return inner end)
  end
  return text
end

---A module of many: number -> function(call, moonline).
---@param first integer
---@param last integer
---@return string
function hostile.module(first, last)
  local parts = { "local bodies = {}" }
  for seed = first, last do
    parts[#parts + 1] = ("bodies[%d] = function(call, moonline)\n%s\nend"):format(seed,
      hostile.body(seed))
  end
  parts[#parts + 1] = "return bodies\n"
  return table.concat(parts, "\n")
end

return hostile

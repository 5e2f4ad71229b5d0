-- The nearest known word to a misspelt one.

local suggest = {}

local LONGEST = 64 -- longer words are not typing slips

---Edits (insert, delete, replace, swap of neighbours) between two words.
---@param a string
---@param b string
---@return integer
function suggest.distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, last = last, row
  end
  return last[#b]
end

-- Slips that are forgiven in a word of that length.
local function tolerance(length)
  if length < 5 then return 1 end
  return length < 9 and 2 or 3
end

---The candidate most like `word`, nil when none is near. Case does not count: "SAY" finds "Say".
---@param word string
---@param candidates string[]
---@return string?
function suggest.nearest(word, candidates)
  if #word > LONGEST then return nil end
  local lower, best = word:lower(), nil
  local least = tolerance(#word) + 1
  for _, candidate in ipairs(candidates) do
    if candidate ~= word then
      local distance = suggest.distance(lower, candidate:lower())
      if distance < least or (distance == least and best and candidate < best) then
        least, best = distance, candidate
      end
    end
  end
  return best
end

---The keys of a table, sorted, as candidates.
---@param map table
---@return string[]
function suggest.keys(map)
  local keys = {}
  for key in pairs(map) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

return suggest

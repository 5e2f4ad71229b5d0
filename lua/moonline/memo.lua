-- Remembers what a function of one text gave: for pure functions that are asked for the same few texts
-- again and again, as calls ask for the URLs of an application. Callers must not change the results.

local MOST, LONGEST = 64, 512 -- texts that are remembered, and characters of one

---@generic T
---@param fn fun(text: string): T
---@return fun(text: string): T
return function(fn)
  local known, count = {}, 0
  return function(text)
    local result = known[text]
    if result ~= nil then return result end
    result = fn(text)
    if result == nil or #text > LONGEST then return result end
    if count == MOST then known, count = {}, 0 end
    known[text], count = result, count + 1
    return result
  end
end

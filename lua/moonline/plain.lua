-- Values as they can leave the program as JSON: what is no text, number, boolean or table of these
-- becomes what `other` makes of it, or nothing.

local MOST = 10000 -- entries of tables in one value

local function copy(value, depth, other, left)
  local kind = type(value)
  if kind == "string" then
    if utf8.len(value) then return value end
    return (value:gsub("[\128-\255]", "?"))
  elseif kind == "number" or kind == "boolean" then
    return value
  elseif kind ~= "table" or depth == 0 or left.n <= 0 then
    return value ~= nil and other and other(value) or nil
  end
  local result = {}
  for key, inner in next, value do
    left.n = left.n - 1
    if left.n < 0 then break end
    key = type(key) == "number" and key or tostring(key)
    result[key] = copy(inner, depth - 1, other, left)
  end
  return result
end

---@param value any
---@param depth integer of tables
---@param other (fun(value: any): any)? for what JSON does not have, and for tables deeper than that
---@return any
return function(value, depth, other)
  return copy(value, depth, other, { n = MOST })
end

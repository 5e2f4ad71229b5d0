-- Fields as people write them: { name = value }, or a list of { name, value } where the order counts.

local fields = {}

---A list of { name, value }, sorted by name.
---@param given table?
---@return table[]
function fields.list(given)
  local list = {}
  for name, value in pairs(given or {}) do
    list[#list + 1] = type(name) == "number" and value or { name, tostring(value) }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

---Headers by their lower-case names; several of one name are one value, joined by ", ".
---@param list string[][] { name, value }
---@param map table<string, string>? put there
---@return table<string, string>
function fields.by_name(list, map)
  map = map or {}
  for _, header in ipairs(list) do
    local name = header[1]:lower()
    map[name] = map[name] and map[name] .. ", " .. header[2] or header[2]
  end
  return map
end

return fields

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

return fields

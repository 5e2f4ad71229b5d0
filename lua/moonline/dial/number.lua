-- Telephone numbers as documents write them, and the trunk that takes one. Pure functions.

local number = {}

local MOST = 15 -- digits (E.164)

---"+1 (555) 010-0100" -> "+15550100100". No country is assumed: digits without + stay as they are.
---@param text string
---@return string? number nil when it is none
---@return integer? code 13223, or 13226 for a country code that cannot be
---@return string? message
function number.parse(text)
  local plain = text:gsub("[%s().-]", "")
  local plus, digits = plain:match("^(%+?)(%d+)$")
  if not digits or #digits > MOST then
    return nil, 13223, ("%q is not a telephone number of at most %d digits, such as +15550100")
      :format(text:sub(1, 40):gsub("%c", " "), MOST)
  end
  if plus == "+" and digits:sub(1, 1) == "0" then
    return nil, 13226, ("%s: no country code begins with 0"):format(plain)
  end
  return plus .. digits
end

local function names_of(trunks)
  local names = {}
  for name in pairs(trunks) do names[#names + 1] = name end
  table.sort(names)
  return names
end

---The trunk that takes a number: the first by name whose `match` finds it, else the first without
---a `match`.
---@param trunks table<string, table>
---@param text string
---@return table? trunk
---@return string? name
function number.trunk(trunks, text)
  local names = names_of(trunks)
  for _, name in ipairs(names) do
    local match = trunks[name].match
    if match and text:find(match) then return trunks[name], name end
  end
  for _, name in ipairs(names) do
    if not trunks[name].match then return trunks[name], name end
  end
  return nil
end

---host[:port] of a trunk's first proxy: the domain of its addresses.
---@param trunk table
---@return string
function number.domain(trunk)
  return (trunk.proxy[1]:gsub("^%a+:", ""):gsub("^[^@]*@", ""):match("^[^;?]*"))
end

return number

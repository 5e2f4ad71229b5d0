-- Where a 3xx leads: the addresses of its Contact headers, best first.

local sip = require "moonline.core.sip"
local uri = require "moonline.dial.uri"

local redirect = {}

local function quality(parameters)
  local q = parameters:match(";%s*[qQ]%s*=%s*([%d.]+)")
  return q and tonumber(q) or 1
end

-- "Kate" <sip:kate@a>;q=0.5, sip:kate@b -> each address and its parameters.
local function each(value, visit)
  value = value:gsub('"[^"]*"', "")
  if not value:find("<", 1, true) then value = value:gsub("[^,;%s]+", "<%0>", 1) end
  for address, parameters in value:gmatch("<([^<>]*)>([^,<]*)") do visit(address, parameters) end
end

---The SIP addresses in the order to try them (RFC 3261 8.1.3.4), as they are sent: no headers, none
---of our own parameters. What is no sip or sips address is left out.
---@param lines string? the header lines of the response
---@return string[]
function redirect.targets(lines)
  local found = {}
  for _, header in ipairs(sip.headers(lines, "Contact", "m")) do
    each(header[2], function(address, parameters)
      local plain = address:lower():find("^sips?:") and address:gsub("%?.*$", "")
      local target = plain and uri.parse(plain)
      if target then
        found[#found + 1] = { uri = target.uri, q = quality(parameters), place = #found }
      end
    end)
  end
  table.sort(found, function(a, b)
    if a.q ~= b.q then return a.q > b.q end
    return a.place < b.place
  end)
  local list = {}
  for i, one in ipairs(found) do list[i] = one.uri end
  return list
end

return redirect

-- The parameters every webhook of a call carries.

local params = {}

---A leg's own view: what a document that runs on it is told.
---@param leg moonline.Leg
---@param config table
---@return string[][] list of { name, value }
function params.standard(leg, config)
  local list = {
    { "CallSid", leg.sid }, { "AccountSid", config.account_sid }, { "From", leg.from },
    { "To", leg.to }, { "Caller", leg.from }, { "Called", leg.to },
    { "CallStatus", leg:status() }, { "ApiVersion", "2010-04-01" },
    { "Direction", leg.direction },
  }
  if leg.parent_sid then list[#list + 1] = { "ParentCallSid", leg.parent_sid } end
  return list
end

-- Several headers of one name are one value, joined by ", ".
local function custom_headers(headers)
  local values, order = {}, {}
  for _, header in ipairs(headers or {}) do
    local name = header[1]
    if name:match("^[Xx]%-") or name:lower() == "user-to-user" then
      local key = name:lower()
      if values[key] then
        values[key][2] = values[key][2] .. ", " .. header[2]
      else
        values[key] = { name, header[2] }
        order[#order + 1] = values[key]
      end
    end
  end
  return order
end

---X- headers as parameters: SipHeader_X-Foo and the like. `known` names that are already there are
---left alone and new ones added to it.
---@param list string[][]
---@param prefix string "SipHeader_", "DialSipHeader_"
---@param headers string[][]?
---@param known table<string, boolean>?
function params.add_headers(list, prefix, headers, known)
  for _, header in ipairs(custom_headers(headers)) do
    local key = header[1]:lower()
    local is_own = key:match("^x%-twilio%-") ~= nil
    if not is_own and key:match("^x%-") and not (known and known[key]) then
      if known then known[key] = true end
      list[#list + 1] = { prefix .. header[1], header[2] }
    end
  end
end

---What an incoming SIP call adds to its voice request.
---@param leg moonline.Leg
---@return string[][]
function params.incoming(leg)
  local info, list = leg.info, {}
  list[#list + 1] = { "SipCallId", info.call_id }
  list[#list + 1] = { "SipDomain", leg.to:match("@([^:;]+)") or leg.to:match("^sips?:([^:;]+)") }
  list[#list + 1] = { "SipSourceIp", info.source_address }
  if info.username then list[#list + 1] = { "SipUsername", info.username } end
  local headers = leg.core:headers()
  for _, header in ipairs(headers) do
    if header[1]:lower() == "diversion" then
      local target = header[2]:match("<([^>]+)>") or header[2]
      list[#list + 1] = { "ForwardedFrom", (target:match("^[^;]+")) }
      break
    end
  end
  for _, header in ipairs(custom_headers(headers)) do
    list[#list + 1] = { "SipHeader_" .. header[1], header[2] }
  end
  return list
end

---RFC 2822, UTC: "Fri, 20 Aug 2010 01:13:42 +0000".
---@param seconds number since 1970
---@return string
function params.date(seconds)
  return os.date("!%a, %d %b %Y %H:%M:%S +0000", math.floor(seconds)) --[[@as string]]
end

return params

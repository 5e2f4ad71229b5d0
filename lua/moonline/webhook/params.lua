-- The parameters every webhook of a call carries.

local headers = require "moonline.headers"
local sip = require "moonline.core.sip"

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

-- Headers that go from one party to the other and to the application: name -> value, in their order.
-- Several of one name are one value, joined by ", ".
local function joined(list)
  local values, order = {}, {}
  for _, header in ipairs(list) do
    local key = header[1]:lower()
    if values[key] then
      values[key][2] = values[key][2] .. ", " .. header[2]
    else
      values[key] = { header[1], header[2], key = key }
      order[#order + 1] = values[key]
    end
  end
  return order
end

---X- headers as parameters: SipHeader_X-Foo and the like. `known` names that are already there are
---left alone and new ones added to it.
---@param list string[][]
---@param prefix string "SipHeader_", "DialSipHeader_"
---@param lines string? the header lines of a message
---@param known table<string, boolean>?
function params.add_headers(list, prefix, lines, known)
  for _, header in ipairs(joined(sip.headers(lines, "X-*"))) do
    local key = header.key
    if key:sub(1, 9) ~= "x-twilio-" and not (known and known[key]) then
      if known then known[key] = true end
      list[#list + 1] = { prefix .. header[1], header[2] }
    end
  end
end

---What an incoming SIP call adds to its voice request.
---@param leg moonline.Leg
---@return string[][]
function params.incoming(leg)
  local info = leg.info
  local list = {
    { "SipCallId", info.call_id },
    { "SipDomain", leg.to:match("@([^:;]+)") or leg.to:match("^sips?:([^:;]+)") },
    { "SipSourceIp", info.source_address },
  }
  if info.username then list[#list + 1] = { "SipUsername", info.username } end
  local diversion = headers.first(info.headers, "Diversion")
  if diversion then
    local target = diversion:match("<([^>]+)>") or diversion
    list[#list + 1] = { "ForwardedFrom", (target:match("^[^;]+")) }
  end
  for _, header in ipairs(joined(sip.headers(info.headers, "X-*", "User-to-User"))) do
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

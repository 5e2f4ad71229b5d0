-- Whom a Dial calls and as whom: targets, egress profile, caller identity, headers.

local address = require "moonline.address"

local plan = {}

local function user_of(uri)
  return uri:match("^sips?:([^@]+)@")
end

-- %41 -> A: what goes into From is escaped again where it must be.
local function unescape(text)
  return text and text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
end

local USUAL = "us1" -- the region of a party that names none

---The egress profile of a region: bind, proxy, advertise; the default one for a known region that
---is not configured.
---@param config table
---@param region string?
---@return { bind: string?, proxy: string?, advertise: string?, advertise_media: string? }
function plan.egress(config, region)
  local profile = config.sip.regions[region or USUAL]
  if not profile then return {} end
  return {
    bind = profile.bind, proxy = profile.proxy, advertise = profile.advertise,
    advertise_media = address.media(profile.advertise),
  }
end

---The headers that every INVITE of ours carries.
---@param config table
---@param sid string of the call that it begins
---@return string[][]
function plan.account_headers(config, sid)
  return {
    { "X-Twilio-ApiVersion", "2010-04-01" },
    { "X-Twilio-AccountSid", config.account_sid },
    { "X-Twilio-CallSid", sid },
  }
end

-- May stand in a URI as it is.
local function is_plain(user)
  return user ~= nil and user:find("^[%w+%-_.]+$") ~= nil
end

---To a trunk: who calls is vouched for (RFC 3325).
---@param target table with trunk
---@param user string?
---@return string[][] headers
function plan.asserted(target, user)
  if not is_plain(user) then return {} end
  local host = target.uri:match("@(.*)$")
  return { { "P-Asserted-Identity", ("<sip:%s@%s>"):format(user, host) } }
end

-- To a trunk: who calls is its own number, unless the Dial says otherwise; who wants to
-- stay unknown does (RFC 3323), and the trunk alone learns whose call it is.
local function trunk_caller(call, target, caller_id)
  local user = caller_id or target.from or unescape(user_of(call.from))
  local hidden = call.withheld and not caller_id
  local headers = plan.asserted(target, hidden and (target.from or call.asserted) or user)
  if not hidden then return { user = user, headers = headers } end
  headers[#headers + 1] = { "Privacy", "id" }
  return { display = "Anonymous", host = "anonymous.invalid", headers = headers }
end

---As whom a call is placed for another one.
---@param call moonline.Leg
---@param target table
---@param caller_id string?
---@return { user: string?, display: string?, host: string?, headers: string[][] }
function plan.caller(call, target, caller_id)
  if target.trunk then return trunk_caller(call, target, caller_id) end
  local display = not caller_id and not call.withheld and call.info.from_display or nil
  return {
    user = caller_id or unescape(user_of(call.from)), display = display ~= "" and display or nil,
    headers = {},
  }
end

---Options for Agent:dial.
---@param call moonline.Leg the caller
---@param target table what a noun's target gave
---@param options { caller_id: string?, sid: string }
---@return table
function plan.options(call, target, options)
  local config = call.env.config
  local egress = plan.egress(config, target.region)
  local headers = plan.account_headers(config, options.sid)
  local caller = plan.caller(call, target, options.caller_id)
  for _, header in ipairs(caller.headers) do headers[#headers + 1] = header end
  for _, header in ipairs(target.headers or {}) do headers[#headers + 1] = header end
  return {
    uri = target.uri, hops = target.hops or nil, headers = headers,
    from_user = caller.user, from_display = caller.display, from_host = caller.host,
    username = target.username or nil, password = target.password or nil,
    bind = egress.bind, proxy = egress.proxy, advertise = egress.advertise,
    advertise_media = egress.advertise_media,
  }
end

---The targets of a Dial's nouns that can be called, in document order.
---@param session moonline.Session
---@param node moonline.Node
---@return table[]
function plan.targets(session, node)
  local list = {}
  for _, child in ipairs(node.children) do
    local target = not child.fault and child.verb.target(session, child)
    list[#list + 1] = target or nil
  end
  if #node.children == 0 and node.text ~= "" then -- a bare number
    local noun = session.env.elements:noun "Number"
    list[1] = noun.target(session, { text = node.text, attrs = { method = "POST" } })
  end
  return list
end

return plan

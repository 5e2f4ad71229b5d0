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

---Options for Agent:dial.
---@param call moonline.Leg the caller
---@param target table what a noun's target gave
---@param options { caller_id: string?, sid: string }
---@return table
function plan.options(call, target, options)
  local config = call.env.config
  local egress = plan.egress(config, target.region)
  local headers = plan.account_headers(config, options.sid)
  for _, header in ipairs(target.headers or {}) do headers[#headers + 1] = header end
  local display = not options.caller_id and call.info.from_display or nil
  return {
    uri = target.uri, headers = headers,
    from_user = options.caller_id or unescape(user_of(call.from)),
    from_display = display ~= "" and display or nil,
    username = target.username, password = target.password,
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
  return list
end

return plan

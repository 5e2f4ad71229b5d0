-- Every key of the configuration with its type, and the defaults.

local types = require "moonline.config.types"

local list, map, record = types.list, types.map, types.record
local integer, number, choice, path, text =
  types.integer, types.number, types.choice, types.path, types.text

local schema = {}

local function non_empty(list_value)
  if #list_value > 0 then return list_value end
  return nil, "a list with at least one entry"
end

local function port_pair(ports)
  if #ports == 2 and ports[2] > ports[1] then return ports end
  return nil, "two ports, the lower first, such as { 20000, 29999 }"
end

local function status_code(code)
  code = math.tointeger(tonumber(code))
  if code and code >= 300 and code <= 699 then return code end
  return nil, "a SIP code from 300 to 699"
end

local function word(key)
  if type(key) == "string" and key:find("^%w[%w_-]*$") then return key end
  return nil, "a name of letters, digits, - and _"
end

local function any_text(key)
  if type(key) == "string" and key ~= "" then return key end
  return nil, "text"
end

local function voice()
  return record({
    url = types.url, method = choice("GET", "POST"), fallback_url = types.url,
    fallback_method = choice("GET", "POST"), status_callback = types.url,
    status_callback_method = choice("GET", "POST"), script = path("file"),
    twiml = path("file"),
  }, { exclusive = { "url", "script", "twiml" } })
end

local function secure_listener(sip)
  for _, listen in ipairs(sip.listen or {}) do
    if listen:find("^tls:") and not (sip.tls and sip.tls.certificate and sip.tls.key) then
      return "listen", listen .. " needs sip.tls.certificate and sip.tls.key"
    end
  end
  return nil
end

local function trunk(one)
  if not one.proxy then return "proxy", "a trunk needs the SIP URI of its proxy" end
  if one.register and not one.username then
    return "username", "register = true needs a username to register"
  end
  return nil
end

local function caller(user)
  return user:find("^[%w+%-_.]+$") ~= nil
end

---@type moonline.ConfigType
schema.root = record {
  account_sid = text("AC and 32 hex digits", function(sid)
    return sid:find("^AC%x+$") ~= nil and #sid == 34
  end),
  auth_token = text("text, not empty", function(token) return token ~= "" end),
  sip = record({
    listen = list(types.sip_listen, non_empty),
    advertise = types.host,
    tls = record {
      certificate = path("file"), key = path("file"), ca = path("file"), verify = types.boolean,
    },
    allow = list(types.cidr),
    users = map(text(), any_text), digest = list(choice("MD5", "SHA-256"), non_empty),
    regions = map(record { bind = types.address, proxy = types.sip_uri, advertise = types.host },
      word),
    resolve = map(types.target, any_text), dns = list(types.target, non_empty),
    session_expires = integer(90, 86400), connections = integer(1, 100000),
    per_source = integer(1, 100000),
  }, { final = secure_listener }),
  trunks = map(record({
    proxy = list(types.sip_uri, non_empty), username = text(), password = text(),
    register = types.boolean, from = text("letters, digits and + - _ .", caller),
    match = types.pattern, region = text("a region", word),
  }, { final = trunk }), word),
  rtp = record {
    listen = types.address, advertise = types.address, ports = list(integer(1, 65535), port_pair),
    timeout = number(0, 86400),
  },
  http = record {
    listen = types.http_listen, public_url = types.url, console = types.boolean,
    connections = integer(1, 100000), per_source = integer(0, 100000),
  },
  voice = voice(),
  numbers = map(voice(), any_text),
  script = record { trusted = types.boolean },
  twiml = record { mode = choice("strict", "warn", "twilio"), verbs = list(path("folder")) },
  dial = record {
    several = types.boolean, follow = integer(0, 20),
    outcomes = map(choice("busy", "no-answer", "failed", "canceled", "completed"), status_code),
    ring_tone = types.ring_tone,
  },
  media = record { threads = integer(0, 64), codecs = list(choice("PCMU", "PCMA"), non_empty) },
  webhook = record {
    connect_timeout = number(0.1, 60), timeout = number(0.1, 300),
    max_body = integer(1024, 1 << 30),
    ca = path("file"), resolve = map(types.target, any_text), dns = list(types.target, non_empty),
    divert = types.url,
    allow = list(types.cidr), deny = list(text("a network such as 10.0.0.0/8, or private",
      function(net) return net == "private" or types.cidr.check(net) ~= nil end)),
  },
  store = record {
    path = path(), keep_days = number(0, 36500), max_mb = integer(0, 1 << 30),
  },
  trace = record { calls = integer(0, 100000), kb = integer(4, 65536) },
  recording = record { format = choice("pcm16") },
  speech = record { voices = map(text(), any_text), recogniser = types.url },
  limits = record {
    calls = integer(1, 1000000), resume_ms = integer(1, 60000), resume_mb = integer(1, 65536),
    memory_mb = integer(16, 1048576), drain = number(0, 86400), lag_ms = integer(0, 60000),
  },
}

---What webhook.deny = "private" adds.
---@type string[]
schema.private = {
  "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128",
}

---A new table of defaults. Keys that have none are nil.
---@return table
function schema.defaults()
  return {
    sip = {
      listen = { "udp:127.0.0.1:5060", "tcp:127.0.0.1:5060" },
      tls = { verify = true }, allow = { "127.0.0.0/8" }, users = {}, digest = { "MD5" },
      regions = {}, resolve = {},
      session_expires = 1800, connections = 1000, per_source = 100,
    },
    trunks = {},
    rtp = { listen = "127.0.0.1", ports = { 20000, 29999 }, timeout = 60 },
    http = { listen = "127.0.0.1:8080", connections = 1000, per_source = 100 },
    voice = { method = "POST" },
    numbers = {},
    script = { trusted = false },
    twiml = { mode = "warn", verbs = {} },
    dial = { several = false, follow = 5, outcomes = { [603] = "busy" }, ring_tone = "us" },
    media = { threads = 1, codecs = { "PCMU", "PCMA" } },
    webhook = {
      connect_timeout = 5, timeout = 15, max_body = 65536, resolve = {}, allow = {},
      deny = {
        "169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "224.0.0.0/4", "ff00::/8",
        "255.255.255.255/32",
      },
    },
    store = { path = "./moonline-data", keep_days = 0, max_mb = 0 },
    trace = { calls = 100, kb = 64 },
    recording = { format = "pcm16" },
    speech = { voices = {} },
    limits = { calls = 1000, resume_ms = 50, resume_mb = 16, memory_mb = 512, drain = 300,
      lag_ms = 100 },
  }
end

return schema

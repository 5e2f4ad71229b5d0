-- The text of a Sip noun: from "kate@example.com;region=ie1?x=y" to what is sent. Pure functions.

local address = require "moonline.address"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local uri = {}

local MAX_URI = 254     -- "under 255 characters", without the headers
local MAX_HEADERS = 1023 -- "under 1024 characters", without the question mark
local BAD_URI, BAD_HEADER, LONG_HEADERS = 13243, 13252, 13253

local TRANSPORTS = { udp = true, tcp = true, tls = true }

-- Headers that may be set by their own name; every other one gets X- in front.
local AS_WRITTEN = {
  ["user-to-user"] = true, ["remote-party-id"] = true, ["p-preferred-identity"] = true,
  ["p-called-party-id"] = true,
}

---@class moonline.SipTarget
---@field uri string the Request-URI as it is sent: no region, no headers
---@field secure boolean sips:
---@field user string? as written, still escaped
---@field host string
---@field port integer?
---@field transport "udp"|"tcp"|"tls"
---@field region string "us1" unless the URI names one
---@field headers string[][] list of { name, value } for the INVITE
---@field warnings { code: integer, message: string }[] headers that were refused, and the like
---@field username string? credentials of the noun
---@field password string?
---@field url string? screening document
---@field method "GET"|"POST"|nil
---@field status_callback string?
---@field status_callback_event string[]?
---@field status_callback_method "GET"|"POST"|nil

---Decodes %xx once; nil when a % is not followed by two hex digits.
---@param text string
---@return string?
function uri.decode(text)
  if text:gsub("%%%x%x", ""):find("%", 1, true) then return nil end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function show(text)
  text = text:gsub("[^\32-\126]", "?")
  return #text > 40 and text:sub(1, 37) .. "..." or text
end

local function header_value_fault(value)
  if value:find("[\r\n%z]") then return "has a line break or NUL in its value" end
  if value:find("[%c]") and value:gsub("\t", ""):find("%c") then
    return "has a control character in its value"
  end
  if not utf8.len(value) then return "has a value that is not UTF-8" end
  return nil
end

---One "name=value" of the header part -> the header that is sent; nil and why it is refused.
---@param name string percent-decoded
---@param value string percent-decoded
---@return string[]? header { name, value }
---@return string? why
function uri.header(name, value)
  if name == "" or name:find("[^%w%-.!%%*_+`'~]") then return nil, "has an illegal name" end
  local lower = name:lower()
  if lower:sub(1, 2) ~= "x-" and not AS_WRITTEN[lower] then name = "X-" .. name end
  if name:lower():sub(1, 9) == "x-twilio-" then return nil, "has a reserved name" end
  local fault = header_value_fault(value)
  if fault then return nil, fault end
  return { name, value }
end

local function read_headers(text, warnings)
  local headers = {}
  for pair in text:gmatch("[^&]+") do
    local raw_name, raw_value = pair:match("^([^=]*)=?(.*)$")
    local name, value = uri.decode(raw_name), uri.decode(raw_value)
    local header, why
    if name and value then
      header, why = uri.header(name, value)
    else
      why = "has a % that is not followed by two hex digits"
    end
    if header then
      headers[#headers + 1] = header
    else
      warnings[#warnings + 1] = {
        code = BAD_HEADER, message = ("header %q %s; it is not sent"):format(show(raw_name), why),
      }
    end
  end
  return headers
end

local function is_user(text)
  local rest = text:gsub("%%%x%x", "")
  return not rest:find("[^%w%-_.!~*'()&=+$,;?/:]") and text ~= ""
end

local function read_host(text)
  local host, port = address.split(text)
  if not address.is_host(host) then return nil, ("%q is not a host"):format(show(host)) end
  if not port then return host end
  local number = address.port(port)
  if not number or number == 0 then return nil, ("%q is not a port"):format(show(port)) end
  return host, number
end

local function known_region(region, regions)
  return vocabulary.regions[region] ~= nil or regions ~= nil and regions[region] ~= nil
end

local readers = {}

function readers.transport(plan, value)
  local transport = value:lower()
  if not TRANSPORTS[transport] then
    return ("transport=%s is not one of udp, tcp, tls"):format(show(value))
  end
  plan.transport = transport
  return nil
end

function readers.region(plan, value, options)
  local region = value:lower()
  if not known_region(region, options.regions) then
    return ("region=%s is not known; known are %s"):format(show(value),
      table.concat(suggest.keys(vocabulary.regions), ", "))
  end
  plan.region = region
  return nil
end

function readers.secure(_, value)
  if value:lower() == "true" then return "secure=true (SRTP) is not supported yet" end
  return nil
end

function readers.edge(plan, value)
  local message = ("edge=%s has no effect; region chooses the egress"):format(show(value))
  plan.warnings[#plan.warnings + 1] = { code = BAD_URI, message = message }
  return nil
end

function readers.method()
  return "the parameter method cannot be in the URI of an INVITE"
end

-- Parameters for us, which never leave.
local OURS = { region = true, secure = true, edge = true }

local function is_param(text)
  return not text:gsub("%%%x%x", ""):find("[^%w%-_.!~*'()%[%]/:&+$]")
end

-- Reads ";a=b;c"; returns what of it is sent, or nil and what is wrong.
local function read_params(plan, text, options)
  local sent, seen = {}, {}
  for param in text:gmatch(";([^;]*)") do
    local name, equals, value = param:match("^([^=]*)(=?)(.*)$")
    local lower = name:lower()
    if name == "" or not is_param(name) or not is_param(value) or equals == "=" and value == "" then
      return nil, ("%q is not a URI parameter"):format(show(param))
    end
    if seen[lower] then return nil, ("parameter %s comes twice"):format(show(name)) end
    seen[lower] = true
    local fault = readers[lower] and readers[lower](plan, value, options)
    if fault then return nil, fault end
    if not OURS[lower] then sent[#sent + 1] = ";" .. param end
  end
  return table.concat(sent)
end

local function read_scheme(text)
  local scheme, rest = text:match("^(%a[%w+.-]*):(.*)$")
  local lower = scheme and scheme:lower()
  if lower == "sip" or lower == "sips" then return lower, rest end
  if scheme and not text:find("@", 1, true) or text:find("^%a[%w+.-]*://") then
    return nil, ("%s: is not a SIP URI"):format(show(scheme))
  end
  if not text:find("@", 1, true) then return nil, "a SIP URI looks like sip:user@host" end
  return "sip", text
end

local function read_address(plan, text, options)
  local user, rest = text:match("^([^@]*)@(.*)$")
  if user and not is_user(user) then return nil, ("%q is not a user name"):format(show(user)) end
  rest = rest or text
  local where, params = rest:match("^([^;]*)(.*)$")
  local host, port = read_host(where)
  if not host then return nil, port end
  plan.user, plan.host, plan.port = user, host, port
  local sent, fault = read_params(plan, params, options)
  if not sent then return nil, fault end
  return (user and user .. "@" or "") .. where .. sent
end

-- sips: and transport= must not contradict each other.
local function settle_transport(plan)
  if not plan.secure then
    plan.transport = plan.transport or "udp"
    return nil
  end
  if plan.transport == "udp" then return "sips: cannot go over udp" end
  plan.transport = "tls"
  return nil
end

---Reads the text of a Sip noun.
---@param text string
---@param options { regions: table<string, any>? }? regions known besides TwiML's own
---@return moonline.SipTarget? target nil when it cannot be called
---@return integer? code 13243 or 13253
---@return string? message
function uri.parse(text, options)
  text = text:match("^%s*(.-)%s*$")
  if text == "" then return nil, BAD_URI, "<Sip> needs a SIP URI as its text" end
  local base, headers = text:match("^([^?]*)%??(.*)$")
  if base:find("[%s%c\128-\255]") then
    return nil, BAD_URI, "a SIP URI has no white space and only ASCII characters"
  end
  local scheme, rest = read_scheme(base)
  if not scheme then return nil, BAD_URI, rest end
  local full = scheme .. ":" .. rest
  if #full > MAX_URI then
    return nil, BAD_URI,
      ("the URI has %d characters, at most %d are allowed"):format(#full, MAX_URI)
  end
  if #headers > MAX_HEADERS then
    return nil, LONG_HEADERS,
      ("the headers have %d characters, at most %d are allowed"):format(#headers, MAX_HEADERS)
  end
  local plan = { secure = scheme == "sips", region = "us1", warnings = {} }
  local sent, fault = read_address(plan, rest, options or {})
  fault = fault or settle_transport(plan)
  if fault then return nil, BAD_URI, fault end
  plan.uri = scheme .. ":" .. sent
  plan.headers = read_headers(headers, plan.warnings)
  return plan
end

return uri

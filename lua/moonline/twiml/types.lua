-- The types of attribute values.

local address = require "moonline.address"
local suggest = require "moonline.twiml.suggest"
local webhook_url = require "moonline.webhook.url"

local NUMBERS = {
  zero = "0", one = "1", two = "2", three = "3", four = "4", five = "5", six = "6", seven = "7",
  eight = "8", nine = "9", ten = "10", twelve = "12", fifteen = "15", twenty = "20",
  thirty = "30", sixty = "60",
}

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

local function range(spec, noun)
  if spec.word then noun = ("%s, or %s,"):format(spec.word, noun) end
  if spec.min and spec.max then return ("%s from %g to %g"):format(noun, spec.min, spec.max) end
  if spec.min then return ("%s of at least %g"):format(noun, spec.min) end
  if spec.max then return ("%s up to %g"):format(noun, spec.max) end
  return noun
end

local function bounded(number, spec, noun, lenient)
  local fit = math.max(spec.min or number, math.min(spec.max or number, number))
  if fit == number or lenient then return fit end
  return nil, range(spec, noun)
end

local function one_of(values)
  return "one of " .. table.concat(values, ", ")
end

---The types: function(text, spec, lenient) -> value | nil, what is allowed, suggestion.
---lenient is true where the document is judged as kindly as can be.
---@type table<string, function>
local types = {}

function types.text(text, spec)
  if spec.max and #text > spec.max then
    return nil, ("at most %d characters"):format(spec.max)
  end
  return text
end

-- "ten" and "10s" both mean 10, if one asks.
local function meant(text)
  return NUMBERS[trim(text):lower()] or text:match("^%s*(%d+)%s*%a+%s*$")
end

function types.integer(text, spec, lenient)
  if spec.word and trim(text) == spec.word then return spec.word end
  local digits = trim(text):match("^[+-]?%d+$")
  local number = digits and math.tointeger(tonumber(digits))
  if not number and lenient then
    local leading = text:match("^%s*([+-]?%d+)")
    number = leading and math.tointeger(tonumber(leading))
  end
  if not number then return nil, range(spec, "a whole number"), meant(text) end
  return bounded(number, spec, "a whole number", lenient)
end

function types.number(text, spec, lenient)
  local digits = trim(text):match("^[+-]?%d+%.?%d*$")
  if not digits then return nil, range(spec, "a number") end
  return bounded(tonumber(digits), spec, "a number", lenient)
end

local TRUTHS = { ["true"] = true, ["false"] = false }
local LENIENT = { yes = true, no = false, on = true, off = false, ["1"] = true, ["0"] = false }

function types.boolean(text, _, lenient)
  local value = TRUTHS[text]
  if value == nil and lenient then
    local lower = trim(text):lower()
    value = TRUTHS[lower]
    if value == nil then value = LENIENT[lower] end
  end
  if value == nil then return nil, "true or false", suggest.nearest(text, { "true", "false" }) end
  return value
end

function types.enum(text, spec, lenient)
  local word = lenient and trim(text):lower() or text
  if spec.aliases and spec.aliases[word] then return spec.aliases[word] end
  for _, value in ipairs(spec.values) do
    if value == word or lenient and value:lower() == word then return value end
  end
  return nil, one_of(spec.values), suggest.nearest(text, spec.values)
end

-- Blank or comma separated; each word at most once.
function types.list(text, spec, lenient)
  local list, seen = {}, {}
  for word in text:gmatch("[^%s,]+") do
    local value, allowed, near = types.enum(word, spec, lenient)
    if not value then return nil, "a list of " .. allowed:gsub("^one of ", ""), near end
    if not seen[value] then
      list[#list + 1], seen[value] = value, true
    end
  end
  if #list == 0 then return nil, "a list of " .. table.concat(spec.values, ", ") end
  return list
end

function types.method(text)
  local method = trim(text):upper()
  if method == "GET" or method == "POST" then return method end
  return nil, "GET or POST", suggest.nearest(method, { "GET", "POST" })
end

function types.digits(text, spec)
  if not text:match("^[%dA-Da-d#*wW]+$") then return nil, "digits out of 0-9 A-D # * w W" end
  return types.text(text, spec)
end

function types.key(text)
  if text:match("^[%d#*]?$") then return text end
  return nil, "one of 0-9 # *, or nothing"
end

function types.keys(text)
  if text:match("^[%d#*]*$") then return text end
  return nil, "keys out of 0-9 # *, or nothing"
end

function types.caller_id(text, spec)
  if not text:match("^[%w+%-_.]+$") then return nil, "letters, digits and + - _ . only" end
  return types.text(text, spec)
end

-- "500ms", "2s"; spec.max is in seconds.
function types.duration(text, spec)
  local number, unit = text:match("^%+?(%d*%.?%d+)(m?s)$")
  local seconds = tonumber(number) and tonumber(number) / (unit == "ms" and 1000 or 1)
  if seconds and seconds <= spec.max then return text end
  return nil, ("a time such as 500ms or 2s, at most %g s"):format(spec.max)
end

-- One of spec.values, or a text like spec.example, which spec.pattern matches.
function types.measure(text, spec)
  if text:match(spec.pattern) then return text end
  local value, allowed, near = types.enum(text, spec)
  return value, allowed and ("%s, or such as %s"):format(allowed, spec.example), near
end

function types.language(text)
  if text:match("^%a%a%a?$") or text:match("^%a%a%a?%-[%w-]+$") then return text end
  return nil, "a language such as en-US"
end

local function host_fault(host)
  if host == "" then return "a URL with a host" end
  if host:find("_", 1, true) then return "a URL whose host has no underscore" end
  if not address.is_host(host) then return "a URL with a valid host" end
  return nil
end

local function absolute_fault(rest)
  local authority = rest:match("^//([^/?#]*)")
  if not authority then return "a URL with // after its scheme" end
  local host, port = address.split((authority:gsub("^.*@", "")))
  local number = port and port ~= "" and address.port(port)
  if port and port ~= "" and (not number or number == 0) then
    return "a URL with a port from 1 to 65535"
  end
  return host_fault(host)
end

-- A relative reference or an absolute http(s) URL; nothing is resolved here.
function types.url(text)
  local url = trim(text)
  if url:find("[%c%s]") then return nil, "a URL without white space" end
  local scheme, rest = url:match("^(%a[%w+.-]*):(.*)$")
  if not scheme then
    if url:sub(1, 2) ~= "//" then return url end
    scheme, rest = "http", url
  end
  if scheme:lower() ~= "http" and scheme:lower() ~= "https" then
    return nil, "a relative URL, or one that begins with http:// or https://"
  end
  local fault = absolute_fault(rest)
  if fault then return nil, fault end
  return url
end

-- A relative reference, wss://, or ws:// on this machine.
function types.stream_url(text)
  local given = trim(text)
  local secure = given:match("^[wW][sS][sS]://(.*)$")
  local plain = given:match("^[wW][sS]://(.*)$")
  if not (secure or plain) then
    if given:match("^%a[%w+.-]*:") or given == "" or given:find("[%c%s]") then
      return nil, "a URL that begins with wss://"
    end
    return given
  end
  local _, fault = types.url("http://" .. (secure or plain))
  if fault then return nil, fault end
  local target = (secure and "wss://" or "ws://") .. (secure or plain)
  if not webhook_url.is_safe_stream(target) then
    return nil, "a URL that begins with wss:// (ws:// only on this machine)"
  end
  return target
end

return types

-- Attribute values: from text to a checked, typed value, with a word on what would be right.

local suggest = require "moonline.twiml.suggest"

---How one attribute is declared: { "integer", default = 5, min = 1, max = 600, code = 13212 }.
---@class moonline.AttrSpec
---@field [1] string type: a key of attrs.types
---@field default any value when the attribute is absent or wrong
---@field code integer? number of the warning about a wrong value (12200)
---@field required boolean?
---@field min number?
---@field max number? of a text: characters
---@field values string[]? of "enum" and "list"
---@field aliases table<string, string>? of "enum": other spellings -> value
---@field unsupported boolean|string[]|nil known to TwiML, not to us: all of it, or these values

local attrs = {}

local NUMBERS = {
  zero = "0", one = "1", two = "2", three = "3", four = "4", five = "5", six = "6", seven = "7",
  eight = "8", nine = "9", ten = "10", twelve = "12", fifteen = "15", twenty = "20",
  thirty = "30", sixty = "60",
}

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

local function range(spec, noun)
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
attrs.types = {}
local types = attrs.types

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

function types.caller_id(text, spec)
  if not text:match("^[%w+%-_.]+$") then return nil, "letters, digits and + - _ . only" end
  return types.text(text, spec)
end

function types.language(text)
  if text:match("^%a%a%a?$") or text:match("^%a%a%a?%-[%w-]+$") then return text end
  return nil, "a language such as en-US"
end

local function host_fault(host)
  if host:match("^%[[%x:.]+%]$") then return nil end
  if host == "" then return "a URL with a host" end
  if host:find("_", 1, true) then return "a URL whose host has no underscore" end
  if #host > 253 or host:find("[^%w.-]") or host:find("..", 1, true) or host:find("^[.-]") then
    return "a URL with a valid host"
  end
  return nil
end

local function absolute_fault(rest)
  local authority = rest:match("^//([^/?#]*)")
  if not authority then return "a URL with // after its scheme" end
  local host, port = authority:gsub("^.*@", ""):match("^(%[[^%]]*%]):?(%d*)$")
  if not host then host, port = authority:gsub("^.*@", ""):match("^([^:]*):?(%d*)$") end
  if not host then return "a URL with a valid host and port" end
  if port ~= "" and (#port > 5 or tonumber(port) > 65535 or tonumber(port) == 0) then
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

---One value. Misuse (an unknown type) raises.
---@param text string
---@param spec moonline.AttrSpec
---@param lenient boolean?
---@return any value nil when it is wrong
---@return string? allowed what would be right
---@return string? suggestion
function attrs.value(text, spec, lenient)
  local check = types[spec[1]]
  if not check then error("attribute type " .. tostring(spec[1]) .. " is not known", 2) end
  return check(text, spec, lenient or false)
end

local function unsupported_values(spec, value)
  if type(spec.unsupported) ~= "table" then return value end
  local kept, gone = {}, {}
  for _, word in ipairs(type(value) == "table" and value or { value }) do
    local missing = false
    for _, other in ipairs(spec.unsupported) do missing = missing or other == word end
    local list = missing and gone or kept
    list[#list + 1] = word
  end
  if #gone == 0 then return value end
  if type(value) == "table" and #kept > 0 then return kept, gone end
  return spec.default, gone
end

local function known(name)
  return name == "xmlns" or name:find("^xml[ns]*:") or name:find("^xsi:")
end

local function show(text)
  text = text:gsub("%c", " ")
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

local function one(item, specs, state, report)
  local spec = specs[item.name]
  if not spec then
    if not known(item.name) then
      report(12200, item, ("attribute %s is not known"):format(show(item.name)),
        suggest.nearest(item.name, suggest.keys(specs)))
    end
    return
  end
  state.given[item.name] = true
  if spec.unsupported == true then
    report(12200, item, ("%s is not supported yet and has no effect"):format(item.name), nil,
      "warning")
    return
  end
  local value, allowed, near = attrs.value(item.value, spec, state.lenient)
  if value == nil then
    report(spec.code or 12200, item,
      ("%s=%q must be %s"):format(item.name, show(item.value), allowed), near)
    return
  end
  local kept, gone = unsupported_values(spec, value)
  if gone then
    report(spec.code or 12200, item,
      ("%s: %s is not supported yet"):format(item.name, table.concat(gone, ", ")), nil, "warning")
  end
  state.values[item.name] = kept
end

---Checks the attributes of one element.
---@param specs table<string, moonline.AttrSpec>
---@param list { name: string, value: string, line: integer, column: integer }[]
---@param report fun(code: integer, at: table, message: string, suggestion: string?, level: string?)
---@param lenient boolean?
---@return table<string, any> values defaults filled in
---@return table<string, boolean> given names that are in the document
---@return string? missing a required attribute that has no value
function attrs.check(specs, list, report, lenient)
  local state = { values = {}, given = {}, lenient = lenient or false }
  for _, item in ipairs(list) do one(item, specs, state, report) end
  local missing
  for _, name in ipairs(suggest.keys(specs)) do
    local spec = specs[name]
    if state.values[name] == nil then state.values[name] = spec.default end
    if spec.required and state.values[name] == nil then missing = missing or name end
  end
  return state.values, state.given, missing
end

return attrs

-- Attribute values: from text to a checked, typed value, with a word on what would be right.

local suggest = require "moonline.twiml.suggest"
local types = require "moonline.twiml.types"

---How one attribute is declared: { "integer", default = 5, min = 1, max = 600, code = 13212 }.
---@class moonline.AttrSpec
---@field [1] string type: a name in moonline.twiml.types
---@field default any value when the attribute is absent or wrong
---@field code integer? number of the warning about a wrong value (12200)
---@field required boolean?
---@field min number?
---@field max number? of a text: characters
---@field values string[]? of "enum" and "list"
---@field aliases table<string, string>? of "enum": other spellings -> value
---@field unsupported boolean|string[]|nil known to TwiML, not to us: all of it, or these values

local attrs = {}

local ODD, UNSUPPORTED = 12200, 13750

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
      report(ODD, item, ("attribute %s is not known"):format(show(item.name)),
        suggest.nearest(item.name, suggest.keys(specs)))
    end
    return
  end
  state.given[item.name] = true
  if spec.unsupported == true then
    report(UNSUPPORTED, item, ("%s is not supported yet and has no effect"):format(item.name), nil,
      "warning")
    return
  end
  local value, allowed, near = attrs.value(item.value, spec, state.lenient)
  if value == nil then
    report(spec.code or ODD, item,
      ("%s=%q must be %s"):format(item.name, show(item.value), allowed), near)
    return
  end
  local kept, gone = unsupported_values(spec, value)
  if gone then
    report(UNSUPPORTED, item,
      ("%s: %s is not supported yet"):format(item.name, table.concat(gone, ", ")), nil, "warning")
  end
  state.values[item.name] = kept
end

-- specs -> what absent attributes come to, and the names that may not be absent.
local absent = setmetatable({}, { __mode = "k" })

local function when_absent(specs)
  if absent[specs] then return absent[specs] end
  local found = { defaults = {}, required = {} }
  for _, name in ipairs(suggest.keys(specs)) do
    found.defaults[name] = specs[name].default
    if specs[name].required then found.required[#found.required + 1] = name end
  end
  absent[specs] = found
  return found
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
  local rest, values = when_absent(specs), state.values
  for name, default in pairs(rest.defaults) do
    if values[name] == nil then values[name] = default end
  end
  for _, name in ipairs(rest.required) do
    if values[name] == nil then return values, state.given, name end
  end
  return values, state.given, nil
end

return attrs

-- Writes TwiML: methods named after verbs and nouns, attributes as tables, everything escaped.
--
--   local r = twiml.response()
--   r:dial { timeout = 10 } :sip("sip:kate@example.com", { username = "admin" })
--   print(r)

local attrs = require "moonline.twiml.attrs"
local elements = require "moonline.elements"
local markup = require "moonline.twiml.markup"
local place = require "moonline.twiml.place"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local builder = {}

---An element that is being written. Every verb or noun that may stand in it is a method:
---element:name(text?, attributes?) adds it, in either order of arguments, and returns it. So is speech
---markup in Say: say:prosody("slowly", { rate = "slow" }), say:say_as, and say:break_, as Lua reserves break.
---@class moonline.TwimlElement
local Element = {}

local function text_of(value)
  if type(value) == "table" then
    local words = {}
    for i, word in ipairs(value) do words[i] = tostring(word) end
    return table.concat(words, " ")
  end
  return math.type(value) == "float" and ("%.14g"):format(value) or tostring(value)
end

local function checked(name, element, given)
  local specs = element and element.attrs or {}
  local result = {}
  for key, value in pairs(given) do
    local spec = specs[key]
    if not spec then
      local near = suggest.nearest(tostring(key), suggest.keys(specs))
      error(("<%s> has no attribute %s%s"):format(name, tostring(key),
        near and (" (did you mean %s?)"):format(near) or ""), 4)
    end
    local text = text_of(value)
    local ok, allowed = attrs.value(text, spec)
    if ok == nil then
      error(("<%s %s=%q>: must be %s"):format(name, key, text, allowed), 4)
    end
    result[key] = text
  end
  return result
end

-- What stands behind an element: { the verb or noun it is, finder of others }. Not in the element itself,
-- which scripts hold.
local behind = setmetatable({}, { __mode = "k" })

local function new(name, element, text, given, finder)
  local self = setmetatable({ _name = name, _text = text, _attrs = given, _children = {} }, Element)
  behind[self] = { element = element, finder = finder }
  return self
end

-- The verb, noun or speech markup that a method's name stands for, here.
local function resolve(self, method)
  local parent, finder = behind[self].element, behind[self].finder
  for _, kind in ipairs { "verb", "noun" } do
    local name = finder:spelling(kind, method)
    local element = name and place.lookup(finder, parent, name)
    if element then return name, element end
  end
  if not (parent and parent.markup) then return nil end
  local name = method:gsub("_$", ""):gsub("_", "-")
  local specs = vocabulary.speech[name]
  if specs then return name, { attrs = specs, markup = true } end
end

local function add(self, name, element, a, b)
  local text, given = a, b
  if type(a) == "table" then text, given = b, a end
  if text ~= nil and type(text) ~= "string" and type(text) ~= "number" then
    error(("<%s>: its text is a %s"):format(name, type(text)), 3)
  end
  local child = new(name, element, text and tostring(text), checked(name, element, given or {}),
    behind[self].finder)
  local children = rawget(self, "_children")
  children[#children + 1] = child
  return child
end

local methods = {}

---Adds text after what is there.
---@param text string
---@return moonline.TwimlElement self
function methods:text(text)
  local children = rawget(self, "_children")
  children[#children + 1] = tostring(text)
  return self
end

Element.__name = "moonline.TwimlElement"

function Element:__index(method)
  if methods[method] then return methods[method] end
  local name, element = resolve(self, tostring(method))
  if not name then
    error(("nothing named %s can stand in <%s>"):format(tostring(method), rawget(self, "_name")), 2)
  end
  return function(parent, a, b) return add(parent, name, element, a, b) end
end

local function write(element, parts)
  local name, children = rawget(element, "_name"), rawget(element, "_children")
  local text, given = rawget(element, "_text"), rawget(element, "_attrs")
  parts[#parts + 1] = "<" .. name
  for _, key in ipairs(suggest.keys(given)) do
    parts[#parts + 1] = (' %s="%s"'):format(key, markup.escape(given[key]))
  end
  if #children == 0 and (text == nil or text == "") and name ~= "Response" then
    parts[#parts + 1] = "/>"
    return
  end
  parts[#parts + 1] = ">"
  if text then parts[#parts + 1] = markup.escape(text) end
  for _, child in ipairs(children) do
    if type(child) == "string" then parts[#parts + 1] = markup.escape(child)
    else write(child, parts) end
  end
  parts[#parts + 1] = ("</%s>"):format(name)
end

---The document (or the element, when it is not the whole).
function Element:__tostring()
  local parts = {}
  if rawget(self, "_name") == "Response" then
    parts[1] = '<?xml version="1.0" encoding="UTF-8"?>'
  end
  write(self, parts)
  return table.concat(parts)
end

---A new, empty document.
---@param finder moonline.Elements? default: our own verbs and nouns
---@return moonline.TwimlElement
function builder.response(finder)
  return new("Response", nil, nil, {}, finder or elements.new())
end

return builder

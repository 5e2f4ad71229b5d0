-- Writes TwiML: methods named after verbs and nouns, attributes as tables, everything escaped.
--
--   local r = twiml.response()
--   r:dial { timeout = 10 } :sip("sip:kate@example.com", { username = "admin" })
--   print(r)

local attrs = require "moonline.twiml.attrs"
local elements = require "moonline.elements"
local markup = require "moonline.twiml.markup"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local builder = {}

---An element that is being written. Every verb or noun that may stand in it is a method:
---element:name(text?, attributes?) adds it, in either order of arguments, and returns it.
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

local function new(name, element, text, given, finder)
  return setmetatable({
    _name = name, _element = element, _text = text, _attrs = given, _children = {},
    _elements = finder,
  }, Element)
end

-- The verb or noun that a method's name stands for, here.
local function resolve(self, method)
  local parent, finder = rawget(self, "_element"), rawget(self, "_elements")
  local kind = parent and parent.children == "nouns" and "noun" or "verb"
  if parent and not parent.children then return nil end
  local name = finder:spelling(kind, method)
  local element = name and finder[kind](finder, name)
  if parent and parent.children == "sounds" and element and not element.source then return nil end
  return element and name, element
end

local function add(self, name, element, a, b)
  local text, given = a, b
  if type(a) == "table" then text, given = b, a end
  if text ~= nil and type(text) ~= "string" and type(text) ~= "number" then
    error(("<%s>: its text is a %s"):format(name, type(text)), 3)
  end
  local child = new(name, element, text and tostring(text), checked(name, element, given or {}),
    rawget(self, "_elements"))
  local children = rawget(self, "_children")
  children[#children + 1] = child
  return child
end

local methods = {}

---Adds speech markup inside Say: say:mark("break", { time = "1s" }).
---@param name string
---@param text string|table|nil
---@param given table|string|nil
---@return moonline.TwimlElement
function methods:mark(name, text, given)
  local specs = vocabulary.speech[name]
  local element = rawget(self, "_element")
  if not specs or not (element and element.markup) then
    error(("<%s> cannot stand in <%s>"):format(tostring(name), rawget(self, "_name")), 2)
  end
  return add(self, name, { attrs = specs, markup = true }, text, given)
end

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

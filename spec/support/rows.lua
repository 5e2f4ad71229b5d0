-- The rows of docs/compatibility.md: every element and attribute of TwiML, and what becomes of it. They
-- come from the verbs and nouns there are and from the vocabulary; nothing is listed by hand.
local elements = require "moonline.elements"
local place = require "moonline.twiml.place"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local rows = {}

---@class spec.Row
---@field claim string what a test's name says between < and >: "Dial timeout"
---@field element string
---@field attribute string?
---@field values string[]? only these of its values have no effect
---@field state "executed"|"warned"|"refused"
---@field parent string? it is refused in this place only

---@param finder moonline.Elements
---@param name string
---@return moonline.Element?
function rows.element(finder, name)
  return finder:verb(name) or finder:noun(name)
end

local function attribute_rows(name, specs, add)
  for _, attribute in ipairs(suggest.keys(specs)) do
    local gone = specs[attribute].unsupported
    add {
      element = name, attribute = attribute, claim = name .. " " .. attribute,
      state = gone == true and "warned" or "executed",
      values = type(gone) == "table" and gone or nil,
    }
  end
end

-- Places where an element that we have may not be, though TwiML allows it.
local function place_rows(finder, name, add)
  for _, parent in ipairs(vocabulary.elements[name].parents) do
    local holder = rows.element(finder, parent)
    if (parent == "Response" or holder) and not place.lookup(finder, holder, name) then
      add { element = name, parent = parent, claim = name .. " in " .. parent, state = "refused" }
    end
  end
end

---All rows, element by element.
---@param finder moonline.Elements?
---@return spec.Row[]
function rows.all(finder)
  finder = finder or elements.new()
  local list = {}
  local function add(row) list[#list + 1] = row end
  for _, name in ipairs(suggest.keys(vocabulary.elements)) do
    local element = rows.element(finder, name)
    if name ~= "Response" then
      add { element = name, claim = name, state = element and "executed" or "refused" }
      if element then
        attribute_rows(name, element.attrs or {}, add)
        place_rows(finder, name, add)
      end
    end
  end
  for _, name in ipairs(suggest.keys(vocabulary.speech)) do
    local does = next(vocabulary.speech[name]) == nil
    for _, spec in pairs(vocabulary.speech[name]) do does = does or spec.unsupported ~= true end
    if does then add { element = name, claim = name, state = "executed" } end
    attribute_rows(name, vocabulary.speech[name], add)
  end
  return list
end

---`inner` in the elements that it belongs in, up to a verb.
---@param name string the element that holds it
---@param inner string
---@param parent string? the place that is meant, of several
---@return string
function rows.inside(name, inner, parent)
  local word = vocabulary.elements[name]
  parent = parent or (word and word.parents[1] or "Say")
  if parent == "Response" then return inner end
  return rows.inside(parent, ("<%s>%s</%s>"):format(parent, inner, parent))
end

return rows

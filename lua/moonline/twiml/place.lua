-- What may stand where in a document, and what was meant by an element that may not.

local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local place = {}

local ODD, UNSUPPORTED = 12200, 13750

local function contains(list, name)
  for _, entry in ipairs(list) do
    if entry == name then return true end
  end
  return false
end

---The element of that name when it may stand inside parent.
---@param finder moonline.Elements
---@param parent moonline.Element? nil: Response
---@param name string
---@return moonline.Element?
function place.lookup(finder, parent, name)
  if not parent then return finder:verb(name) end
  local kind = parent.children
  if kind == "nouns" then return finder:noun(name) end
  local element = finder:verb(name)
  if kind == "sounds" then return element and element.source and element end
  return type(kind) == "table" and contains(kind, name)
    and (element or finder:noun(name)) or nil
end

local function candidates(finder, parent)
  local kind = parent and parent.children
  if type(kind) == "table" then return kind end
  local names = finder:names(kind == "nouns" and "noun" or "verb")
  if kind ~= "sounds" then return names end
  local sounds = {}
  for _, name in ipairs(names) do
    if finder:verb(name).source then sounds[#sounds + 1] = name end
  end
  return sounds
end

-- Where an element may stand, nil when there is no such element.
local function homes_of(finder, name)
  local word = vocabulary.elements[name]
  if word and #word.parents > 0 then return word.parents end
  if finder:noun(name) then return { "Dial" } end
  return finder:verb(name) and { "Response" } or nil
end

---Tells of an element that cannot be used here: not supported, out of place, or misspelt.
---@param finder moonline.Elements
---@param parent moonline.Element?
---@param parent_name string
---@param name string
---@return integer code
---@return string message
---@return string? suggestion
function place.explain(finder, parent, parent_name, name)
  local word = vocabulary.elements[name]
  local here = "<" .. parent_name .. ">"
  local code = parent and parent.child_code or ODD
  if word and contains(word.parents, parent_name) then
    return UNSUPPORTED, ("<%s> is TwiML that is not supported yet; it is left out"):format(name)
  end
  local homes = homes_of(finder, name)
  if homes then
    return code,
      ("<%s> belongs in <%s>, not in %s"):format(name, table.concat(homes, "> or <"), here),
      ("<%s><%s>"):format(homes[1], name)
  end
  local near = suggest.nearest(name, candidates(finder, parent))
    or suggest.nearest(name, suggest.keys(vocabulary.elements))
  return code, ("<%s> is not known in %s"):format(name, here), near
end

---Is it a verb (whether we have it or not) that a document of this purpose may not hold? What only makes
---sound may be in all.
---@param rules moonline.document.Rules
---@param name string
---@param element moonline.Element?
---@return boolean
function place.breaks(rules, name, element)
  if rules.verbs[name] or element and element.source then return false end
  return element ~= nil or vocabulary.elements[name] ~= nil
end

---Must it not be in a screening document, whether we have it or not?
---@param name string
---@param element moonline.Element?
---@return boolean
function place.not_in_screening(name, element)
  if element then return element.screening == false end
  local word = vocabulary.elements[name]
  return word ~= nil and word.screening == false
end

return place

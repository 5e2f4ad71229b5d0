-- Speech markup inside Say: checked against what TwiML allows and written anew for the speech engine.

local attrs = require "moonline.twiml.attrs"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local markup = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

---Text for XML, in content and in attribute values. Characters that XML cannot hold become blanks.
---@param text string
---@return string
function markup.escape(text)
  return (text:gsub('[&<>"]', ESCAPES):gsub("[%z\1-\8\11\12\14-\31]", " "))
end

---True when an element stands in the text.
---@param tree moonline.XmlNode
---@return boolean
function markup.has(tree)
  for _, child in ipairs(tree.children) do
    if child.name then return true end
  end
  return false
end

-- Where the speech engine says it otherwise than TwiML.
local TAGS = { lang = "voice" }
local READINGS = { digits = "tts:digits", ["spell-out"] = "characters" }

local function attributes(tree, specs, report)
  local parts = {}
  local values = attrs.check(specs, tree.attributes, report)
  for _, name in ipairs(suggest.keys(values)) do
    local value = name == "interpret-as" and READINGS[values[name]] or values[name]
    parts[#parts + 1] = (' %s="%s"'):format(name, markup.escape(value))
  end
  return table.concat(parts)
end

local function write(tree, report, plain, marked)
  for _, child in ipairs(tree.children) do
    local specs = child.name and vocabulary.speech[child.name]
    if not child.name then
      plain[#plain + 1] = child.text
      marked[#marked + 1] = markup.escape(child.text)
    elseif specs then
      local tag = TAGS[child.name] or child.name
      marked[#marked + 1] = ("<%s%s>"):format(tag, attributes(child, specs, report))
      write(child, report, plain, marked)
      marked[#marked + 1] = ("</%s>"):format(tag)
    else
      report(12200, child,
        ("<%s> is not known in spoken text; its text is read"):format(child.name),
        suggest.nearest(child.name, suggest.keys(vocabulary.speech)))
      write(child, report, plain, marked)
    end
  end
end

---The words alone, and the same with their markup as the speech engine takes it.
---@param tree moonline.XmlNode
---@param report fun(code: integer, at: table, message: string, suggestion: string?)
---@return string plain
---@return string marked
function markup.read(tree, report)
  local plain, marked = {}, {}
  write(tree, report, plain, marked)
  return table.concat(plain):match("^%s*(.-)%s*$"), table.concat(marked)
end

return markup

-- Speech markup inside Say: checked against what TwiML allows and written anew, escaped.

local speech = require "moonline.twiml.speech"
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

local function attributes(tree, allowed, report)
  local parts = {}
  for _, item in ipairs(tree.attributes) do
    if allowed[item.name] then
      local value, problem = speech.value(tree.name, item.name, item.value)
      if problem then report(12200, item, ("%s=%q %s"):format(item.name, item.value, problem)) end
      if value then
        parts[#parts + 1] = (' %s="%s"'):format(item.name, markup.escape(value))
      end
    else
      report(12200, item, ("attribute %s is not known in <%s>"):format(item.name, tree.name),
        suggest.nearest(item.name, suggest.keys(allowed)))
    end
  end
  return table.concat(parts)
end

local function write(tree, report, plain, marked)
  for _, child in ipairs(tree.children) do
    if not child.name then
      plain[#plain + 1] = child.text
      marked[#marked + 1] = markup.escape(child.text)
    elseif vocabulary.speech[child.name] then
      local name, allowed = speech.element(child.name), vocabulary.speech[child.name]
      marked[#marked + 1] = "<" .. name .. attributes(child, allowed, report) .. ">"
      write(child, report, plain, marked)
      marked[#marked + 1] = "</" .. name .. ">"
    else
      report(12200, child,
        ("<%s> is not known in spoken text; its text is read"):format(child.name),
        suggest.nearest(child.name, suggest.keys(vocabulary.speech)))
      write(child, report, plain, marked)
    end
  end
end

---The words alone, and the same with their markup.
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

-- What a test proves of TwiML: the tags in its name, held against the documents that it used.
--
--   it("S8 <Dial timeout>: seconds until nobody answers", ...)     rows Dial and Dial timeout
--   it("<Queue in Response> is left out", ...)                     an element in one of its places
-- A tag whose element or attribute was in no document of the test fails it: a row of the table in
-- docs/compatibility.md cannot be had by a name alone.
local document = require "moonline.twiml.document"
local vocabulary = require "moonline.twiml.vocabulary"

local proof = {}

local seen = {} -- "Dial timeout" -> true, and "Dial"

---Documents, or anything that holds one as text.
---@param text any
function proof.saw(text)
  for name, rest in tostring(text):gmatch("<(%a[%a-]*)([^<>]*)") do
    seen[name] = true
    for attribute in rest:gmatch("([%a][%w:-]*)%s*=") do seen[name .. " " .. attribute] = true end
  end
end

---What a web app answers, looked at and handed on.
function proof.told(...)
  for _, part in ipairs { ... } do proof.saw(part) end
  return ...
end

---A new test begins.
function proof.forget()
  seen = {}
end

-- "timeout timeLimit" -> the rows of these attributes; nil when it is no list of names.
local function attributes(element, rest)
  local list = {}
  for word in rest:gmatch("%S+") do
    if not word:match("^%a[%w:-]*$") then return nil end
    list[#list + 1] = element .. " " .. word
  end
  return list
end

---The rows that a test's name claims: "Dial timeout", "Dial", "Queue in Response". What names no element
---of TwiML, or holds more than names, is no claim; nor is a document that is part of a name.
---@param name string
---@return string[]
function proof.claims(name)
  local list = {}
  if name:find("</", 1, true) then return list end
  for element, rest in name:gmatch("<(%a[%a-]*)([^<>]*)>") do
    if vocabulary.elements[element] or vocabulary.speech[element] then
      local whole = rest == "" or rest:match("^ in %u%a*$")
      local more = whole and { element .. rest } or attributes(element, rest) or {}
      table.move(more, 1, #more, #list + 1, list)
    end
  end
  return list
end

---Was it in a document?
---@param claim string
---@return boolean
function proof.holds(claim)
  return seen[claim:gsub(" in %u%a*$", "")] == true
end

-- Documents that are judged here, without a call.
local parse = document.parse
function document.parse(text, ...)
  proof.saw(text)
  return parse(text, ...)
end

return proof

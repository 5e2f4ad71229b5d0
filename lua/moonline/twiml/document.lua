-- From text to a checked document: every element known, every attribute typed, every fault told.

local attrs = require "moonline.twiml.attrs"
local elements = require "moonline.elements"
local markup = require "moonline.twiml.markup"
local place = require "moonline.twiml.place"
local suggest = require "moonline.twiml.suggest"
local xml = require "moonline.core.xml"

---What is wrong at one place. In a document that runs, all of them are warnings.
---@class moonline.Problem
---@field level "error"|"warning"
---@field code integer Twilio's number
---@field line integer
---@field column integer
---@field message string
---@field suggestion string? the word that was probably meant

---One verb or noun, ready to run.
---@class moonline.Node
---@field name string as in the document: "Dial"
---@field verb moonline.Element what its file returned (of a noun too)
---@field attrs table<string, any> checked and typed, defaults filled in
---@field given table<string, boolean> the attributes that were written
---@field text string its text, trimmed
---@field markup string? its text as speech markup, when it has any
---@field children moonline.Node[] the usable ones
---@field dropped string[] names of child elements that cannot be used
---@field fault { code: integer, message: string }? why it cannot do its work; already reported
---@field line integer
---@field column integer

---@class moonline.Document
---@field verbs moonline.Node[]
---@field problems moonline.Problem[]
---@field errors integer how many problems are errors; a document that has any is not run
---@field base string? URL it came from (set by whoever fetched it)

---@class moonline.document.Options
---@field mode "strict"|"warn"|"twilio"|nil strict: faults are errors; warn (default): they are
---  warnings and the verb runs with its default; twilio: like warn, values are read kindly
---@field screening boolean? it is to run on a called party before the bridge
---@field rules moonline.document.Rules? verbs that may be in it
---@field several boolean? a Dial may hold up to ten nouns (dial.several)
---@field regions table? regions known besides TwiML's (sip.regions)
---@field elements moonline.Elements? where verbs come from

local document = {}

local Document <const> = { __name = "moonline.Document" }
local Node <const> = { __name = "moonline.Node" }

local MAX_NODES = 1000 -- no honest document is longer
local INVALID_XML, BAD_ROOT, EMPTY, ODD, NOT_SCREENING = 12100, 12102, 11770, 12200, 13201

---What a document of one purpose may hold.
---@class moonline.document.Rules
---@field name string of the purpose: "conference"
---@field verbs table<string, boolean> besides those that only make sound
---@field code integer number of the warning about another verb, which is left out

---@class moonline.document.Check
local Check = {}
Check.__index = Check

function Check:report(code, at, message, suggestion, level)
  local problems = self.problems
  level = level or (self.mode == "strict" and "error" or "warning")
  if level == "error" then self.errors = self.errors + 1 end
  problems[#problems + 1] = {
    level = level, code = code, line = at.line, column = at.column,
    message = message, suggestion = suggestion,
  }
end

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

local function own_text(tree)
  local parts = {}
  for _, child in ipairs(tree.children) do
    if not child.name then parts[#parts + 1] = child.text end
  end
  return trim(table.concat(parts))
end

-- The place of the first letter of an element's text.
local function text_place(tree)
  for _, child in ipairs(tree.children) do
    local blank = not child.name and child.text:match("^(%s*)%S")
    if blank then
      local last = blank:match("\n([^\n]*)$")
      local _, breaks = blank:gsub("\n", "")
      local column = last and #last + 1 or child.column + #blank
      return { line = child.line + breaks, column = column }
    end
  end
  return tree
end

function Check:text(tree, element, node)
  if element.markup and markup.has(tree) then
    node.text, node.markup = markup.read(tree, function(...) self:report(...) end)
    return
  end
  node.text = own_text(tree)
  if not element.text then
    if node.text ~= "" then
      self:report(ODD, text_place(tree), ("<%s> takes no text; it is left out"):format(node.name))
      node.text = ""
    end
  elseif type(element.text) == "table" and node.text ~= "" then
    local value, allowed, near = attrs.value(node.text, element.text, self.mode == "twilio")
    if value == nil then
      local code = element.text.code or ODD
      local message = ("the text of <%s> must be %s"):format(node.name, allowed)
      self:report(code, tree, message, near)
      node.fault = { code = code, message = message }
    else
      node.text = value
    end
  end
end

function Check:children(tree, parent_name, parent, into, dropped)
  for _, child in ipairs(tree.children) do
    if child.name then
      local node = self:node(child, parent_name, parent)
      if node then into[#into + 1] = node else dropped[#dropped + 1] = child.name end
    end
  end
end

function Check:node(tree, parent_name, parent)
  self.nodes = self.nodes + 1
  if self.nodes > MAX_NODES then
    if self.nodes == MAX_NODES + 1 then
      self:report(ODD, tree, ("more than %d elements"):format(MAX_NODES), nil, "error")
    end
    return nil
  end
  local element = place.lookup(self.elements, parent, tree.name)
  if self.screening and place.not_in_screening(tree.name, element) then
    self:report(NOT_SCREENING, tree,
      ("<%s> is not allowed while a call is being screened"):format(tree.name), nil, "error")
    return nil
  end
  if not parent and self.rules and place.breaks(self.rules, tree.name, element) then
    return self:report(self.rules.code, tree,
      ("<%s> cannot be in a document of a %s; it is left out"):format(tree.name, self.rules.name))
  end
  if not element then
    local code, message, near = place.explain(self.elements, parent, parent_name, tree.name)
    return self:report(code, tree, message, near)
  end
  local node = setmetatable({
    name = tree.name, verb = element, children = {}, dropped = {},
    line = tree.line, column = tree.column,
  }, Node)
  local missing
  local codes = parent and parent.child_codes or {}
  local function report(code, ...) self:report(codes[code] or code, ...) end
  node.attrs, node.given, missing =
    attrs.check(element.attrs or {}, tree.attributes, report, self.mode == "twilio")
  if missing then
    self:report(element.attrs[missing].code or ODD, tree,
      ("<%s> needs the attribute %s; it is left out"):format(tree.name, missing))
    return nil
  end
  self:text(tree, element, node)
  if not node.markup then self:children(tree, tree.name, element, node.children, node.dropped) end
  if element.check then element.check(node, report, self.options) end
  return node
end

local function finish(check, verbs)
  local result = setmetatable({
    verbs = verbs, problems = check.problems, errors = check.errors,
  }, Document)
  return result, check.problems
end

local function begin(options)
  options = options or {}
  return setmetatable({
    options = options, mode = options.mode or "warn", screening = options.screening or false,
    rules = options.rules,
    elements = options.elements or elements.new(), problems = {}, errors = 0, nodes = 0,
  }, Check)
end

---Checks a tree from moonline.core.xml.
---@param root moonline.XmlNode
---@param options moonline.document.Options?
---@return moonline.Document document not to be run when document.errors > 0
---@return moonline.Problem[] problems
function document.check(root, options)
  local check = begin(options)
  if root.name ~= "Response" then
    check:report(BAD_ROOT, root, ("the document begins with <%s>, not with <Response>")
      :format(root.name or "?"), suggest.nearest(root.name or "", { "Response" }), "error")
    return finish(check, {})
  end
  attrs.check({}, root.attributes, function(...) check:report(...) end)
  if own_text(root) ~= "" then
    check:report(ODD, text_place(root),
      "text directly in <Response> is not spoken; put it in <Say>")
  end
  local verbs = {}
  check:children(root, "Response", nil, verbs, {})
  return finish(check, verbs)
end

---Parses and checks a document.
---@param text string
---@param options moonline.document.Options?
---@return moonline.Document? document nil when there is an error among the problems
---@return moonline.Problem[] problems
function document.parse(text, options)
  local check = begin(options)
  if text:match("^[\239\187\191%s]*$") then
    check:report(EMPTY, { line = 1, column = 1 }, "the document is empty", nil, "error")
    return nil, check.problems
  end
  local root, message, line, column = xml.parse(text)
  if not root then
    if text:find("^%s+<%?xml") then
      message = "nothing, not even a blank line, may stand before <?xml"
      line, column = 1, 1
    end
    check:report(INVALID_XML, { line = line or 1, column = column or 1 },
      message or "not XML", nil, "error")
    return nil, check.problems
  end
  local result, problems = document.check(root, options)
  if result.errors > 0 then return nil, problems end
  return result, problems
end

return document

-- The documents that a call ran, line by line, and what was wrong with them.

local markup = require "moonline.sim.page.markup"

local escape, element = markup.escape, markup.element

local documents = {}

---@class moonline.PageDocument
---@field name string URL or path
---@field text string
---@field number integer
---@field marks table<integer, table[]> line -> warnings

---What the web application answered, each once, and the sources that are known besides.
---@param events table[]
---@param sources { name: string, text: string }[]?
---@return moonline.PageDocument[]
---@return table<integer, moonline.PageDocument> of_verb the document that the n-th verb stands in
function documents.of(events, sources)
  local list, known, of_verb, current, verbs = {}, {}, {}, {}, 0
  local function add(name, text)
    local key = name .. "\0" .. text
    if not known[key] then
      list[#list + 1] = { name = name, text = text, number = #list + 1, marks = {} }
      known[key] = list[#list]
    end
    return known[key]
  end
  for _, source in ipairs(sources or {}) do add(source.name, source.text) end
  for _, event in ipairs(events) do
    if event.kind == "answer" and event.body and event.body:find("%S") then
      current[event.call] = add(event.url or "document", event.body)
    elseif event.kind == "verb" then
      verbs = verbs + 1
      of_verb[verbs] = current[event.call]
    end
  end
  return list, of_verb
end

---Finds the `document` that each warning is about, and marks its line there.
---@param list moonline.PageDocument[]
---@param warnings moonline.PlacedWarning[]
function documents.mark(list, warnings)
  for _, warning in ipairs(warnings) do
    for _, one in ipairs(list) do
      if one.name == warning.name and not warning.document then
        warning.document = one
        one.marks[warning.line] = one.marks[warning.line] or {}
        table.insert(one.marks[warning.line], warning)
      end
    end
  end
end

---@param one moonline.PageDocument
---@param line integer
---@return string
function documents.anchor(one, line)
  return ("d%d-l%d"):format(one.number, line)
end

-- The line with what stands at the columns of its warnings marked.
local function marked(text, marks)
  local columns = {}
  for _, mark in ipairs(marks) do columns[#columns + 1] = mark.column end
  table.sort(columns)
  local parts, from = {}, 1
  for _, column in ipairs(columns) do
    local word = text:match("^[%w:_%-<]+", column) or text:sub(column, column)
    if column >= from and word ~= "" then
      parts[#parts + 1] = escape(text:sub(from, column - 1))
      parts[#parts + 1] = "<mark>" .. escape(word) .. "</mark>"
      from = column + #word
    end
  end
  parts[#parts + 1] = escape(text:sub(from))
  return table.concat(parts)
end

local function source(one)
  local lines, number = {}, 0
  for text in (one.text:gsub("\n$", "") .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    local marks = one.marks[number]
    lines[number] = element("li", { id = documents.anchor(one, number), value = number,
      class = marks and "marked" or false }, "<code>",
      marks and marked(text, marks) or escape(text), "</code>")
    for _, mark in ipairs(marks or {}) do
      lines[number] = lines[number] .. ("<li class=\"remark\" role=\"note\">%d:%d %s</li>"):format(
        number, mark.column, escape(mark.message))
    end
  end
  return ("<section class=\"document\"><h3>%s</h3><ol>%s</ol></section>"):format(escape(one.name),
    table.concat(lines))
end

---@param list moonline.PageDocument[]
---@return string
function documents.markup(list)
  local parts = {}
  for i, one in ipairs(list) do parts[i] = source(one) end
  return table.concat(parts)
end

---@param warnings moonline.PlacedWarning[]
---@return string
function documents.warnings(warnings)
  local parts = {}
  for i, warning in ipairs(warnings) do
    local text = escape(warning.document and warning.message or warning.text)
    if warning.document then
      text = ("<a href=\"#%s\">%s:%d:%d</a> %s"):format(
        documents.anchor(warning.document, warning.line), escape(warning.document.name),
        warning.line, warning.column, text)
    end
    parts[i] = ("<li><b>%d</b> <span>%s</span></li>"):format(warning.code, text)
  end
  return "<ul class=\"warnings\">" .. table.concat(parts) .. "</ul>"
end

return documents

-- HTML, written so that text stays text.

local markup = {}

local ESCAPES <const> = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

---Text as it may stand anywhere in the page, in a quoted attribute too. Control characters become
---pictures of themselves, bytes that are no UTF-8 a question mark.
---@param value any
---@return string
function markup.escape(value)
  local text = tostring(value):gsub("\r\n", "\n")
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", "?") end
  text = text:gsub("[%c\127]", function(char)
    if char == "\n" or char == "\t" then return nil end
    return char == "\127" and "\u{2421}" or utf8.char(0x2400 + char:byte())
  end)
  return (text:gsub("[&<>\"']", ESCAPES))
end

---An element: attributes in one order, a false one is left out. Children are markup already.
---@param name string
---@param attributes table<string, any>?
---@param ... string
---@return string
function markup.element(name, attributes, ...)
  local names, parts = {}, { "<", name }
  for key in pairs(attributes or {}) do names[#names + 1] = key end
  table.sort(names)
  for _, key in ipairs(names) do
    local value = attributes[key]
    if value == true then
      parts[#parts + 1] = (" %s=\"\""):format(key)
    elseif value ~= false then
      parts[#parts + 1] = (' %s="%s"'):format(key, markup.escape(value))
    end
  end
  parts[#parts + 1] = ">"
  for _, child in ipairs { ... } do parts[#parts + 1] = child end
  parts[#parts + 1] = ("</%s>"):format(name)
  return table.concat(parts)
end

---Names and values, one a line.
---@param pairs_list { [1]: string, [2]: any }[]
---@return string
function markup.fields(pairs_list)
  local lines = {}
  for _, pair in ipairs(pairs_list) do
    lines[#lines + 1] = ("<tr><th scope=\"row\">%s</th><td>%s</td></tr>"):format(
      markup.escape(pair[1]), markup.escape(pair[2]))
  end
  return "<table class=\"fields\"><tbody>" .. table.concat(lines) .. "</tbody></table>"
end

return markup

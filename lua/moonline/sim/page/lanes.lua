-- The ladder of a page: one row each, which unfolds.

local markup = require "moonline.sim.page.markup"

local escape, element = markup.escape, markup.element

local lanes = {}

-- What an event has besides what its row says.
local PLAIN = { kind = true, time = true, call = true, place = true, at = true }

local function params(event)
  local list = {}
  for i, pair in ipairs(event.params or {}) do list[i] = { pair[1], pair[2] } end
  return list
end

local details = {}

function details.message(event)
  local from, to = event.local_address, event.remote
  if not event.sent then from, to = to, from end
  return ("<p class=\"way\">%s · %s → %s</p><pre>%s</pre>"):format(escape(event.transport or "udp"),
    escape(from or "?"), escape(to or "?"), escape(event.text))
end

function details.webhook(event)
  return ("<p class=\"way\">%s %s</p>"):format(escape(event.method), escape(event.url))
    .. markup.fields(params(event))
end

function details.answer(event)
  return ("<p class=\"way\">%s %s%s</p>"):format(escape(event.status), escape(event.type),
    event.url and " · " .. escape(event.url) or "")
    .. (event.body and ("<pre>%s</pre>"):format(escape(event.body)) or "")
end

local function others(event)
  local names, list = {}, {}
  for name, value in pairs(event) do
    if not PLAIN[name] and type(value) ~= "table" then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do list[i] = { name, event[name] } end
  if event.call then list[#list + 1] = { "call", event.call } end
  return markup.fields(list)
end

local function arrow(row, columns)
  local a, b = columns[row.from], columns[row.to]
  local way = b > a and "right" or "left"
  if a > b then a, b = b, a end
  return ("<span class=\"arrow %s\" style=\"--a:%d;--b:%d\"><span><i>%s</i></span></span>"):format(
    way, a, b, escape(row.label))
end

local function chip(row, columns, count)
  local a = columns[row.at]
  local edge = a == 1 and " first" or a == count and " last" or ""
  return ("<span class=\"chip%s\" style=\"--a:%d\">%s</span>"):format(edge, a, escape(row.label))
end

local function words(row)
  if row.at then return ("%s: %s"):format(row.at, row.label) end
  return ("%s → %s: %s"):format(row.from, row.to, row.label)
end

local function one(row, number, self, columns)
  local event = row.event
  local show = details[event.kind] or others
  local picture = row.at and chip(row, columns, #self.parties) or arrow(row, columns)
  local summary = ("<summary><time>%.3f</time><span class=\"lanes\" aria-hidden=\"true\">%s</span>"
    .. "<span class=\"words\">%s</span></summary>"):format(row.time - self.start, picture,
    escape(words(row)))
  return element("details", { class = "row " .. row.kind, id = "r" .. number,
    ["data-kind"] = event.kind }, summary, "<div class=\"body\">", show(event), "</div>")
end

---@param self moonline.Capture
---@return string
function lanes.of(self)
  local columns, heads, parts = {}, {}, {}
  for i, name in ipairs(self.parties) do
    columns[name] = i
    heads[i] = ("<span><b>%s</b></span>"):format(escape(name))
  end
  for i, row in ipairs(self.rows) do parts[i] = one(row, i, self, columns) end
  return ("<div class=\"ladder\" style=\"--n:%d\"><div class=\"heads\" aria-hidden=\"true\">"
    .. "<span></span><span class=\"names\">%s</span></div>%s</div>"):format(#self.parties,
    table.concat(heads), table.concat(parts, "\n"))
end

return lanes

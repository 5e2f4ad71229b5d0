-- The ladder of a call: the parties as columns, what happened between them in time order.
--   local ladder = require "moonline.sim.ladder"
--   local l = ladder.new { "caller", "moonline", "callee", "web app" }
--   l:party("caller", "127.0.0.1:5080")     names an address (any number for one party)
--   l:add(event)                            returns the lines of this event, to print live
-- Events: what Agent:trace and the server tell (kind "message", "webhook", "verb", "digit") and
-- what a program adds (kind "http", "note"), each with `time` (seconds) and, where nothing else says it, `at`, `from`, `to` (party names).

local rows = require "moonline.sim.rows"

local ladder = {}

local Ladder = { __name = "moonline.Ladder" }
Ladder.__index = Ladder

local WIDTH <const> = 34 -- of one column
local NARROW <const> = 10 -- of one column with the labels aside
local TIME <const> = 9 -- of the time before the first column

local COLOURS = {
  request = "36", success = "32", provisional = "33", failure = "31",
  http = "35", verb = "1", digit = "34", note = "2",
}

---@class moonline.LadderOptions
---@field colour boolean? default: no
---@field aside boolean? labels to the right of narrow columns, for terminals; default: on the arrows
---@field rows moonline.Rows? says what events mean; default: one of its own
---@field start number? seconds at the first line; default: the time of the first event

---Parties are columns from left to right; one that is unknown gets the next column when it appears.
---@param parties string[]
---@param options moonline.LadderOptions?
---@return moonline.Ladder
function ladder.new(parties, options)
  options = options or {}
  local self = setmetatable({ columns = {}, names = {}, start = options.start,
    colour = options.colour, aside = options.aside, width = options.aside and NARROW or WIDTH,
    rows = options.rows or rows.new() }, Ladder)
  for _, name in ipairs(parties or {}) do self:column(name) end
  return self
end

---The number of a party's column, new when it has none.
---@param name string
---@return integer
function Ladder:column(name)
  if not self.columns[name] then
    self.names[#self.names + 1] = name
    self.columns[name] = #self.names
  end
  return self.columns[name]
end

---Messages from or to this address are this party's.
---@param name string
---@param address string "host:port", with or without "udp:" before it
function Ladder:party(name, address)
  self:column(name)
  self.rows:party(name, address)
end

---The lines above the first event: names of the parties.
---@return string
function Ladder:header()
  local cells = { (" "):rep(TIME) }
  for _, name in ipairs(self.names) do
    local room = self.width - #name
    cells[#cells + 1] = (" "):rep(room // 2) .. name .. (" "):rep(room - room // 2)
  end
  return (table.concat(cells):gsub("%s+$", ""))
end

-- One line of cells: the lifelines, with text written over them from column `from` to column `to`.
local function lifelines(self)
  local row = {}
  for i = 1, #self.names * self.width do row[i] = " " end
  for i = 1, #self.names do row[(i - 1) * self.width + self.width // 2] = "|" end
  return row
end

local function write_at(row, place, text)
  for i = 1, #text do row[place + i - 1] = text:sub(i, i) end
end

local function arrow(self, from, to, label)
  local row = lifelines(self)
  local left, right = math.min(from, to), math.max(from, to)
  local middle = self.width // 2
  local first, last = (left - 1) * self.width + middle + 1, (right - 1) * self.width + middle - 1
  for i = first, last do row[i] = "-" end
  row[to > from and last or first] = to > from and ">" or "<"
  if self.aside then return table.concat(row) .. " " .. label end
  local room = last - first - 3
  label = #label > room and label:sub(1, room - 1) .. "~" or label
  write_at(row, first + 1 + (room - #label) // 2, " " .. label .. " ")
  return table.concat(row)
end

local function beside(self, column, label)
  local row = lifelines(self)
  local place = (column - 1) * self.width + self.width // 2
  if self.aside then
    row[place] = "*"
    return table.concat(row) .. " " .. label
  end
  write_at(row, place, "* " .. label)
  return table.concat(row)
end

local function draw(self, row)
  if row.at then return beside(self, self:column(row.at), row.label) end
  local from = self:column(row.from)
  return arrow(self, from, self:column(row.to), row.label)
end

---The line of this event, nil when there is nothing new to show.
---@param event table
---@return string?
function Ladder:add(event)
  local row = self.rows:add(event)
  if not row then return nil end
  self.start = self.start or event.time or 0
  local line = draw(self, row):gsub("%s+$", "")
  if self.colour then
    local plain = self.aside and #self.names * self.width or 0
    line = ("%s\27[%sm%s\27[0m"):format(line:sub(1, plain), COLOURS[row.kind] or "0",
      line:sub(plain + 1))
  end
  return ("%8.3f %s"):format((event.time or self.start) - self.start, line)
end

---All of a recorded list of events, in time order, below the header.
---@param events table[]
---@return string
function Ladder:text(events)
  local sorted = table.move(events, 1, #events, 1, {})
  for i, event in ipairs(sorted) do sorted[i] = { event = event, place = i } end
  table.sort(sorted, function(a, b)
    local at, bt = a.event.time or 0, b.event.time or 0
    if at ~= bt then return at < bt end
    return a.place < b.place
  end)
  local lines = {}
  for _, entry in ipairs(sorted) do lines[#lines + 1] = self:add(entry.event) end
  table.insert(lines, 1, self:header())
  return table.concat(lines, "\n") .. "\n"
end

return ladder

-- The ladder of a call: the parties as columns, what happened between them in time order.
--   local ladder = require "moonline.sim.ladder"
--   local l = ladder.new { "caller", "moonline", "callee", "web app" }
--   l:party("caller", "127.0.0.1:5080")     names an address (any number for one party)
--   l:add(event)                            returns the lines of this event, to print live
-- Events: what Agent:trace and the server tell (kind "message", "webhook", "verb", "digit") and
-- what a program adds (kind "http", "note"), each with `time` (seconds) and, where nothing else says it, `at`, `from`, `to` (party names).

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
---@field start number? seconds at the first line; default: the time of the first event

---Parties are columns from left to right; one that is unknown gets the next column when it appears.
---@param parties string[]
---@param options moonline.LadderOptions?
---@return moonline.Ladder
function ladder.new(parties, options)
  options = options or {}
  local self = setmetatable({ columns = {}, names = {}, addresses = {}, start = options.start,
    colour = options.colour, aside = options.aside, width = options.aside and NARROW or WIDTH,
    seen = {} }, Ladder)
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
  self.addresses[address:gsub("^%a+:", "")] = name
end

local function name_at(self, address)
  local plain = tostring(address or "?"):gsub("^%a+:", "")
  return self.addresses[plain] or plain
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

-- What one line says about a SIP message: its first line, and the method a response answers.
local function describe(text)
  local first = text:match("^[^\r\n]*")
  local code, phrase = first:match("^SIP/2%.0 (%d%d%d) ?(.*)")
  local method = text:match("\n[Cc][Ss][Ee][Qq]%s*:%s*%d+%s+(%u+)")
  if code then
    local kind = code < "200" and "provisional" or code < "300" and "success" or "failure"
    return ("%s %s (%s)"):format(code, phrase, method or "?"), kind
  end
  local verb, uri = first:match("^(%u+) (%S+)")
  if not verb then return "not SIP", "failure" end
  local has_sdp = text:lower():find("\ncontent%-type%s*:%s*application/sdp") and " +SDP" or ""
  return (verb == "INVITE" and "INVITE " .. uri or verb) .. has_sdp, "request"
end

-- A message between two parties that are both ours is told twice: the second is left out.
local function told_before(self, event, from, to)
  local key = from .. "\0" .. to .. "\0" .. event.text
  local waiting = self.seen[key]
  local mine = event.sent and 1 or -1
  if waiting and waiting * mine < 0 then
    self.seen[key] = waiting + mine ~= 0 and waiting + mine or nil
    return true
  end
  self.seen[key] = (waiting or 0) + mine
  return false
end

local render = {}

function render.message(self, event)
  local here, there = name_at(self, event.local_address), name_at(self, event.remote)
  local from, to = event.sent and here or there, event.sent and there or here
  if from == to or told_before(self, event, from, to) then return nil end
  local label, kind = describe(event.text)
  local transport = tostring(event.transport or "udp"):lower()
  if transport ~= "udp" then label = label .. " " .. transport end
  return arrow(self, self:column(from), self:column(to), label), kind
end

function render.http(self, event)
  local label = event.label or ("%s %s"):format(event.method or "GET", event.url or "?")
  return arrow(self, self:column(event.from), self:column(event.to), label), "http"
end

function render.webhook(self, event)
  local path = event.url:match("^%a+://[^/]*([^?#]*)")
  local label = ("%s %s (%s)"):format(event.method, path, event.what)
  return arrow(self, self:column "moonline", self:column "web app", label), "http"
end

function render.answer(self, event)
  local label = ("%d %s"):format(event.status, event.type)
  return arrow(self, self:column "web app", self:column "moonline", label), "http"
end

-- What a party is played; silence is not worth a line.
function render.play(self, event)
  local what = event.said and ("says %q"):format(event.said)
    or event.digits and "presses " .. event.digits or event.tone and "tone " .. event.tone
    or event.file and "plays " .. event.file:match("[^/]*$")
  if not what then return nil end
  return beside(self, self:column(event.at or "moonline"), what), "note"
end

function render.warning(self, event)
  return beside(self, self:column "moonline", ("%d %s"):format(event.code, event.text)), "failure"
end

function render.verb(self, event)
  local line = event.line and (" (line %d)"):format(event.line) or ""
  local label = ("<%s>%s"):format(event.name, line)
  return beside(self, self:column(event.at or "moonline"), label), "verb"
end

function render.digit(self, event)
  local label = "DTMF " .. tostring(event.digit)
  if event.from and event.to then
    return arrow(self, self:column(event.from), self:column(event.to), label), "digit"
  end
  return beside(self, self:column(event.at or "moonline"), label), "digit"
end

function render.note(self, event)
  return beside(self, self:column(event.at or "moonline"), event.text or event.label or ""), "note"
end

---The line of this event, nil when there is nothing new to show.
---@param event table
---@return string?
function Ladder:add(event)
  local draw = render[event.kind]
  if not draw then return nil end
  self.start = self.start or event.time or 0
  local line, kind = draw(self, event)
  if not line then return nil end
  line = line:gsub("%s+$", "")
  if self.colour then
    local plain = self.aside and #self.names * self.width or 0
    line = ("%s\27[%sm%s\27[0m"):format(line:sub(1, plain), COLOURS[kind] or "0",
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

-- A call as it can be shown: its events in order, its parties, and the rows of its ladder. The events
-- are those that a server tells while it runs, or has kept in a trace.

local ladder = require "moonline.sim.ladder"
local rows = require "moonline.sim.rows"

---@class moonline.Capture
---@field events table[] in time order; messages have `from` and `to`, names of parties
---@field rows moonline.Row[]
---@field parties string[] columns from left to right
---@field calls table<string, string> sid -> party
local Capture = {}
Capture.__index = Capture
Capture.__name = "moonline.Capture"

local capture = {}

local function call_id(text)
  return text:match("\n[Cc]all%-[Ii][Dd]%s*:%s*([^\r\n]+)") or text:match("\n[Ii]%s*:%s*([^\r\n]+)")
end

-- Who the other side of a dialog is: whom we call, or who calls us.
local function other_side(event)
  local text = event.text
  local name = event.sent and text:match("^%u+ sips?:([^@;> ]+)@")
    or not event.sent and text:match("\n[Ff][Rr]?[Oo]?[Mm]?%s*:[^\r\n]-sips?:([^@;> ]+)@")
  return name or event.remote
end

-- The name of who is at the other end of each dialog. Who calls and who is called are two, also when
-- they are called the same.
local function name_parties(self, options)
  local dialogs, side_of = {}, {}
  for _, event in ipairs(self.events) do
    if event.kind == "message" then
      local id = call_id(event.text) or event.remote
      local name = dialogs[id]
      if not name then
        local caller = not event.sent and event.text:match("^INVITE ") and options.caller
        name = event.party or caller or other_side(event)
        local side = event.sent and "called" or "calls"
        if not event.party and (side_of[name] or side) ~= side then name = name .. " (2)" end
        side_of[name], dialogs[id] = side, name
        if not event.sent and not self.first then self.first = name end
      end
      event.party = name
      event.from, event.to = event.sent and "moonline" or name, event.sent and name or "moonline"
      if event.call then self.calls[event.call] = self.calls[event.call] or name end
    end
  end
end

local function row_maker(self)
  local own = rows.new { facts = true }
  for sid, name in pairs(self.calls) do own:call(name, sid) end
  return own
end

local function column(self, name)
  if name and not self.columns[name] then
    self.parties[#self.parties + 1] = name
    self.columns[name] = #self.parties
  end
end

-- All that have a column: those of messages first, then whoever else is told of, the web app last.
local function add_columns(self)
  for _, row in ipairs(self.rows) do
    if row.at then column(self, row.at) end
    if row.to ~= "web app" and row.from ~= "web app" then
      column(self, row.from)
      column(self, row.to)
    end
  end
  for _, row in ipairs(self.rows) do
    if row.to == "web app" then column(self, "web app") end
  end
end

---@param events table[] copies, which are added to
---@param options { caller: string?, parties: string[]?, calls: table<string, string>?, prepare: fun(self: moonline.Capture)? }?
---  what is known: the name of who calls, the order of the others, and whose calls are whose; prepare is
---  called when messages have their parties, before they become rows
---@return moonline.Capture
function capture.of(events, options)
  options = options or {}
  local self = setmetatable({ events = events, rows = {}, parties = {}, columns = {},
    calls = options.calls or {} }, Capture)
  name_parties(self, options)
  column(self, options.caller or self.first)
  column(self, "moonline")
  for _, name in ipairs(options.parties or {}) do column(self, name) end
  for _, event in ipairs(events) do column(self, event.party) end
  if options.prepare then options.prepare(self) end
  local own = row_maker(self)
  for _, event in ipairs(events) do self.rows[#self.rows + 1] = own:add(event) end
  add_columns(self)
  self.start = self.rows[1] and self.rows[1].time or 0
  return self
end

---The ladder as text.
---@return string
function Capture:text()
  return ladder.new(self.parties, { aside = true, rows = row_maker(self) }):text(self.events)
end

---Seconds from the first row to the last.
---@return number
function Capture:seconds()
  local last = self.rows[#self.rows]
  return last and last.time - self.start or 0
end

return capture

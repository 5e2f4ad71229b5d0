-- The wire between the phones of a simulation and the server, under a schedule: each message is named,
-- written down, and sent on as the schedule says.

local acts = require "moonline.sim.explore.acts"
local core = require "moonline.core.wire"
local labels = require "moonline.sim.explore.labels"
local schedule = require "moonline.sim.explore.schedule"
local task = require "moonline.task"

---@class moonline.SimWire
---@field trace moonline.SimTrace[] what went over it, in time order
---@field sids table<string, string> CallSid of each party that was called
local Wire = {}
Wire.__index = Wire
Wire.__name = "moonline.SimWire"

local wire = {}

---One message, request or act.
---@class moonline.SimTrace
---@field time number seconds since the first
---@field label string
---@field text string? of a message
---@field party string?
---@field params table<string, string>? of a request

local MOST = 2000 -- messages of one schedule: what makes more goes in circles
local BACKLOG = 65536
local PATIENCE = 40 -- seconds that a message waits for one that does not come

-- ---- the plan ---------------------------------------------------------------------------------

-- Steps by the label that they are about. `all` are those for each message of that name.
local function plan_of(list)
  local plan = {}
  for _, step in ipairs(list or {}) do
    local _, label = schedule.subject(step)
    plan[label] = plan[label] or {}
    table.insert(plan[label], step)
  end
  return plan
end

local NONE = {}

local function steps_for(self, label)
  local steps = self.plan[label]
  local general = label:match("^(.*)#%d+$")
  if not general or not self.plan[general] then return steps or NONE end
  local found = { table.unpack(steps or NONE) }
  for _, step in ipairs(self.plan[general]) do
    if step.all then found[#found + 1] = step end
  end
  return found
end

-- ---- what happens to a message ----------------------------------------------------------------

-- Sends it on, for the last time.
local function send(self, event, bytes)
  event.packet:send(bytes)
  event.packet:close()
  self.listener(event.entry, true)
end

-- Another phone that takes the same call: its tag in To is another.
local function forked(bytes)
  return (bytes:gsub("(\n[Tt]o%s*:[^\r\n]*;tag=)([^;\r\n]+)", "%1%2-fork", 1))
end

-- Does fn after some seconds, unless this schedule is over by then.
local function later(self, seconds, fn)
  self.pending = self.pending + 1
  self.group:spawn(function()
    task.sleep(seconds)
    self.pending = self.pending - 1
    fn()
  end)
end

-- What waits for that label goes on behind it.
local function release(self, label)
  local waiting = self.waiting[label]
  if not waiting then return end
  self.waiting[label] = nil
  for _, one in ipairs(waiting) do
    if not one.sent then
      one.sent = true
      send(self, one.event)
    end
  end
end

local function hold(self, step, event)
  local one = { event = event }
  self.waiting[step.past] = self.waiting[step.past] or {}
  table.insert(self.waiting[step.past], one)
  later(self, step.by or PATIENCE, function()
    if one.sent then return end
    one.sent = true
    send(self, event)
  end)
end

local handle = {}

function handle.drop(_, _, event)
  event.packet:close()
  return true
end

function handle.delay(self, step, event)
  if step.past and self.seen[step.past] then return false end
  if step.past then
    hold(self, step, event)
  else
    later(self, step.by, function() send(self, event) end)
  end
  return true
end

function handle.twice(self, step, event)
  event.packet:send()
  if (step.by or 0) > 0 then
    later(self, step.by, function() send(self, event) end)
  else
    send(self, event)
  end
  return true
end

function handle.fork(self, _, event)
  event.packet:send()
  send(self, event, forked(event.bytes))
  return true
end

function handle.cut(self, _, event)
  self.silent[event.party] = true
  event.packet:close()
  return true
end

-- What cannot be done at the moment (a key on a call that is not answered) is not done.
local function act(self, step)
  self:note { label = "! " .. step.act }
  task.catch(pcall, acts.run, step.act, self.actors)
end

local function begin_acts(self, steps)
  for _, step in ipairs(steps) do
    if step.at and (step.after or 0) > 0 then
      later(self, step.after, function() act(self, step) end)
    elseif step.at and step.act:find "^REST" then
      self.group:spawn(act, self, step)
    elseif step.at then
      act(self, step)
    end
  end
end

function Wire:note(entry)
  self.begun = self.begun or task.clock()
  entry.time = task.clock() - self.begun
  self.trace[#self.trace + 1] = entry
  return entry
end

function Wire:take(event)
  local label, party = self.labels:message(event.bytes, event.from, event.to)
  if not label or #self.trace > MOST then return event.packet:close() end
  event.party = party
  event.entry = self:note { label = label, text = event.bytes, party = party }
  self.listener(event.entry, false)
  local sid = not self.sids[party] and label:find "<INVITE"
    and event.bytes:match("\nX%-Twilio%-CallSid%s*:%s*(%w+)")
  if sid then self.sids[party] = sid end
  if self.silent[party] then return event.packet:close() end
  local steps = steps_for(self, label)
  begin_acts(self, steps)
  local done = false
  for _, step in ipairs(steps) do
    local kind = schedule.subject(step)
    done = done or handle[kind] ~= nil and handle[kind](self, step, event)
  end
  if not done then send(self, event) end
  self.seen[label] = true
  release(self, label)
end

---A request came to the web application: waits as long as its answer is to wait. True: it is to fail.
---@param path string
---@param params table<string, string>
---@return boolean failed
function Wire:request(path, params)
  local label = self.labels:request(path)
  self:note { label = label, params = params }
  self.seen[label] = true
  release(self, label)
  local steps, failed = steps_for(self, label), false
  begin_acts(self, steps)
  self.pending = self.pending + 1
  for _, step in ipairs(steps) do
    if step.delay then task.sleep(step.by or 1) end
    failed = failed or step.drop ~= nil
  end
  self.pending = self.pending - 1
  return failed
end

---Is nothing of the schedule still to come? What only waits for a time, be it long, is.
---@return boolean
function Wire:is_idle()
  return self.pending == 0
end

---Did more go over it than a call can need?
---@return boolean
function Wire:is_flooded()
  return #self.trace > MOST
end

---Begins with a schedule; nil: none.
---@param list moonline.SimStep[]?
---@param actors moonline.SimActors
---@param listener fun(entry: moonline.SimTrace, sent: boolean)? is told of each message when it
---  comes, and when it is sent on
function Wire:begin(list, actors, listener)
  self:finish()
  self.plan, self.actors, self.trace, self.begun = plan_of(list), actors, {}, nil
  self.seen, self.waiting, self.silent, self.pending, self.sids = {}, {}, {}, 0, {}
  self.listener = listener or function() end
  self.labels = labels.new(self.server_ports, self.caller_port)
  self.group = task.group()
end

---Ends the schedule: what is held is lost.
function Wire:finish()
  local event = self.over and self.over:wait("task", 0)
  if event then error(event.error or "the wire was cut", 0) end
  self.plan, self.silent, self.listener = {}, {}, function() end
  if self.group then self.group:close() end
  self.group = nil
end

function Wire:count(port)
  return self.core:count(port)
end

function Wire:close()
  if self.closed then return end
  self.closed = true
  self:finish()
  self.task:cancel()
  self.core:close()
end

Wire.__close = Wire.close

---Opens it between these ports; one at a time, in virtual time.
---@param server_ports integer[]
---@param phone_ports integer[] the last is the caller's
---@return moonline.SimWire?, string? why
function wire.open(server_ports, phone_ports)
  local box = task.mailbox(BACKLOG)
  local own, _, why = core.open(box)
  if not own then return nil, why end
  local ports = {}
  for _, port in ipairs(server_ports) do ports[port] = true end
  local self = setmetatable({ core = own, server_ports = ports,
    caller_port = phone_ports[#phone_ports] }, Wire)
  for _, list in ipairs { server_ports, phone_ports } do
    for _, port in ipairs(list) do own:add(port) end
  end
  self:begin(nil, {})
  self.over = task.mailbox()
  self.task = task.spawn(function()
    while true do self:take(box:wait "packet") end
  end)
  self.task:watch(self.over)
  return self
end

return wire

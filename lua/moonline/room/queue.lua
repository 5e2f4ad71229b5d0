-- Queues: callers wait in the order in which they came, and whoever dials the queue gets the first
-- (moonline.room.agent). Both sides are in rooms of the house, "queue" and "agents" of the same name, so
-- that they may be calls of different generations. A caller has the field `agent`, an agent the field
-- `caller`, as soon as one was given the other; what they tell each other goes through the house.

local hold = require "moonline.room.hold"
local task = require "moonline.task"

local queue = {}

queue.most = 1000 -- callers of a queue, when nobody says otherwise

---Gives waiting callers to waiting agents, first to first. Called whenever one more waits.
---@param rooms moonline.Rooms
---@param waiting string sid of the queue
function queue.match(rooms, waiting)
  local room = rooms:get(waiting)
  local agents = room and rooms:find("agents", room.name)
  if not agents then return end
  while true do
    local caller, agent = rooms:first(waiting, "agent"), rooms:first(agents, "caller")
    if not (caller and agent) then return end
    rooms:change(waiting, caller, { agent = agent })
    rooms:change(agents, agent, { caller = caller })
    rooms:post(waiting, caller, {
      what = "taken", agent = agent, agents = agents, url = rooms:member(agents, agent, "url"),
      method = rooms:member(agents, agent, "method"),
    })
  end
end

local Caller = {}
Caller.__index = Caller

---What a document that runs while one waits is told of it.
---@return string[][]
function Caller:facts()
  local position, size = self.rooms:position(self.sid, self.call.sid, "agent")
  local served = tonumber(self.rooms:get(self.sid, "served")) or 0
  local waited = tonumber(self.rooms:get(self.sid, "waited")) or 0
  return {
    { "QueueSid", self.sid }, { "QueuePosition", position }, { "QueueTime", self:seconds() },
    { "AvgQueueTime", served > 0 and waited // served or 0 }, { "CurrentQueueSize", size },
    { "MaxQueueSize", self.max },
  }
end

---Whole seconds in the queue, until somebody was connected.
---@return integer
function Caller:seconds()
  return math.floor((self.connected or task.clock()) - self.entered + 1e-6)
end

-- The agent is not (any more) the one this caller was given to.
function Caller:back_to_wait()
  self.outcome.result, self.agent = "hangup", nil
  self.rooms:change(self.sid, self.call.sid, { agent = false })
  queue.match(self.rooms, self.sid)
end

function Caller:tell_agent(what)
  local agent = self.agent
  if not agent then return end
  self.rooms:post(agent.agents, agent.agent, {
    what = what, call = self.call.sid, queue = self.sid,
  })
end

function Caller:served()
  local rooms, sid = self.rooms, self.sid
  self.connected = task.clock()
  rooms:set(sid, {
    served = (tonumber(rooms:get(sid, "served")) or 0) + 1,
    waited = (tonumber(rooms:get(sid, "waited")) or 0) + self:seconds(),
  })
end

-- Does fn until the house has something for this caller. Dequeued from outside: on to that document.
function Caller:during(fn)
  local event = hold.during(self.call, fn)
  if event.what == "redirect" then
    task.unwind { kind = "redirect", url = event.url, method = event.method }
  end
  return event
end

local function nothing() end

-- From "taken" to the end of the talk: true when there was one.
function Caller:serve(event)
  self.agent = event
  self.outcome.result = "bridging-in-process"
  local function is_end(next)
    return next.what == "released" and next.agent == event.agent
  end
  local next = self:during(function()
    if event.url and self.options.announce then self.options.announce(event, self) end
    self:tell_agent "ready"
  end)
  while not is_end(next) do
    if next.what == "bridged" then
      self.outcome.result = "bridged"
      self:served()
    end
    next = self:during(nothing)
  end
  return self.connected ~= nil
end

function Caller:run()
  queue.match(self.rooms, self.sid)
  while true do
    local event = self:during(function() self.options.wait(self) end)
    if event.what == "taken" then
      if self:serve(event) then return end
      self:back_to_wait()
    end
  end
end

-- Out of the queue, whatever the reason: an agent who was to get it is told.
function Caller:leave()
  self:tell_agent "gone"
  self.call.box:drop "room"
end

---Puts a call into a queue, made when there is none of that name, until somebody who dials the queue
---has talked to it. Its hangup, a redirect and the like are raised, as by Leg:wait; `outcome` is true
---at every moment.
---@param call moonline.Leg
---@param name string
---@param options { max: integer?, wait: fun(caller: table), announce: fun(event: table, caller: table)? }
---@param outcome { result: string, sid: string?, seconds: fun(): integer } QueueResult and the like
function queue.enter(call, name, options, outcome)
  call:ready()
  local rooms = call.env.rooms
  local sid, is_new = rooms:open("queue", name, "QU", true)
  if is_new then rooms:set(sid, { created = task.time() }) end
  local limit = tonumber(rooms:get(sid, "limit")) or queue.most
  local max = math.min(options.max or limit, limit)
  local _, size = rooms:position(sid, call.sid, "agent")
  local self = setmetatable({
    call = call, rooms = rooms, sid = sid, options = options, outcome = outcome,
    max = max, entered = task.clock(),
  }, Caller)
  outcome.sid, outcome.seconds = sid, function() return self:seconds() end
  if size >= max then
    outcome.result = "queue-full"
    return
  end
  outcome.result = "hangup" -- until something else comes of it
  rooms:set(sid, { max = max })
  local _ <close> = task.closing(function() self:leave() end)
  local _ <close> = rooms:enter(sid, call.core, call.sid, { entered = task.time() }, call.box)
  call.env.notify { kind = "enqueued", call = call.sid, queue = sid, name = name }
  self:run()
end

---Makes a queue with room for so many, or nothing when there is one of that name.
---@param rooms moonline.Rooms
---@param name string
---@param fields { sid: string?, limit: integer, created: number, changed: number }
---@return string? sid
function queue.make(rooms, name, fields)
  if rooms:find("queue", name) then return nil end
  local sid = rooms:open("queue", name, fields.sid or "QU", true)
  rooms:set(sid, { limit = fields.limit, created = fields.created, changed = fields.changed })
  return sid
end

---Gives a queue, and the agents who wait at it, another name.
---@param rooms moonline.Rooms
---@param sid string
---@param name string
---@return boolean done false: there is a queue of that name
function queue.rename(rooms, sid, name)
  local agents = rooms:find("agents", rooms:get(sid).name)
  if not rooms:rename(sid, name) then return false end
  if agents then rooms:rename(agents, name) end
  queue.match(rooms, sid)
  return true
end

---Those who wait, first come first served, without those an agent has taken: CallSids.
---@param rooms moonline.Rooms
---@param sid string
---@return string[]
function queue.waiting(rooms, sid)
  local list = {}
  for _, call in ipairs(rooms:members(sid)) do
    if not rooms:member(sid, call, "agent") then list[#list + 1] = call end
  end
  return list
end

---Takes a caller out of a queue, on to another document. For REST and calls of every generation.
---@param rooms moonline.Rooms
---@param sid string of the queue
---@param call string CallSid
---@param url string
---@param method string?
---@return boolean there
function queue.dequeue(rooms, sid, call, url, method)
  return rooms:post(sid, call, { what = "redirect", url = url, method = method or "POST" }) > 0
end

return queue

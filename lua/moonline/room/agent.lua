-- The agent's side of a queue: gets the first caller, or waits for one.

local media = require "moonline.core.media"
local queue = require "moonline.room.queue"
local task = require "moonline.task"

local agent = {}

local Agent = {}
Agent.__index = Agent

function Agent:caller()
  return self.rooms:member(self.room, self.call.sid, "caller")
end

-- Waits for a caller that can be connected: its CallSid, or nil and why not.
function Agent:wait(timeout)
  local limit = task.clock() + timeout
  queue.match(self.rooms, self.queue)
  while true do
    local left = not self:caller() and math.max(0, limit - task.clock()) or nil
    local event = self.call:wait({ "room", "digit" }, left)
    if not event then return nil, "no-answer" end
    if event.kind == "digit" then
      if event.digit == "*" and self.options.star then return nil, "canceled" end
    elseif event.call == self:caller() then
      self.queue = event.queue
      if event.what == "ready" then return event.call end
      self.rooms:change(self.room, self.call.sid, { caller = false }) -- gone: the next, please
      queue.match(self.rooms, self.queue)
    end
  end
end

function Agent:talk(caller)
  local options = self.options
  local limit = options.time_limit
  local _ <close> = limit
    and task.timer(limit, self.call.box, { kind = "room", what = "limit" }) or nil
  local _ <close> = task.closing(function()
    if not self.call.ended then self.call.core:unbridge() end
  end)
  while true do
    local event = self.call:wait { "room", "digit" }
    local star = event.digit == "*" and options.star
    local gone = event.what == "gone" and event.call == caller
    if star or gone or event.what == "limit" then return end
  end
end

function Agent:leave()
  local caller = self:caller()
  if caller then
    self.rooms:post(self.queue, caller, { what = "released", agent = self.call.sid })
  end
end

function Agent:ringback()
  local country = self.options.ring_tone or self.call.env.config.dial.ring_tone
  self.call.core:play { tone = media.tone(country, "ringback"), ms = 0 }
end

---Connects a call with the first that waits in a queue, and returns when they have talked. Whoever
---comes first to an empty queue gets the first caller.
---@param call moonline.Leg
---@param name string
---@param options { timeout: number?, time_limit: number?, star: boolean?, url: string?, method: string?, ring_tone: string? }
---  url: a document that the caller hears before
---@param connected fun(caller: string, sid: string)? is called when they hear each other
---@return string? caller its CallSid
---@return "unknown"|"no-answer"|"canceled"|nil why
function agent.take(call, name, options, connected)
  call:ready()
  local rooms = call.env.rooms
  local sid = rooms:find("queue", name)
  if not sid then return nil, "unknown" end
  local self = setmetatable({
    call = call, rooms = rooms, queue = sid, options = options,
    room = rooms:open("agents", name, "AG"),
  }, Agent)
  local _ <close> = task.closing(function() call.box:drop "room" end)
  local _ <close> = rooms:enter(self.room, call.core, call.sid,
    { url = options.url or false, method = options.method or false }, call.box)
  local _ <close> = task.closing(function() self:leave() end)
  self:ringback()
  local caller, why = self:wait(options.timeout or 30)
  call.core:stop()
  if not caller then return nil, why end
  sid = self.queue
  if not rooms:bridge(sid, caller, call.core) then return nil, "no-answer" end
  rooms:post(sid, caller, { what = "bridged", agent = call.sid })
  call.env.notify { kind = "bridged", call = call.sid, child = caller }
  if connected then connected(caller, sid) end
  self:talk(caller)
  return caller
end

return agent

-- Legs that run documents of their own: they are noted while they live, told about when they end, and
-- reached from outside by their sid.

local guard = require "moonline.core.guard"
local http = require "moonline.core.http"
local log = require "moonline.log"
local session = require "moonline.twiml.session"
local task = require "moonline.task"

---What is told to a live call from outside: documents that take over, or the end. As an event in the
---leg's mailbox it interrupts whatever the call is at.
---@class moonline.Redirect
---@field kind "redirect"
---@field url string?
---@field method string?
---@field twiml string? the document itself
---@field fallback_url string?
---@field fallback_method string?
---@field hangup boolean?

local live = {}

---A call is over: how it ended, for /metrics.
---@param leg moonline.Leg
function live.count(leg)
  local counters = leg.env.counters
  counters:add(('moonline_calls_total{direction="%s",status="%s"}'):format(leg.direction,
    leg:status()))
  counters:add("moonline_call_seconds_total", leg:duration())
end

-- The end of a call, whatever a script has made of its leg.
local function ended(env, leg, core, listener, sid, events)
  local fine, problem = guard.root(function()
    leg:hangup()
    if events then
      events:tell("completed",
        { status = leg:status(), duration = leg:duration(), code = leg.final_code })
    end
    live.count(leg)
    env.notify { kind = "call-ended", call = sid, status = leg:status() }
  end)
  if not fine then log.call(sid):error("%s", problem) end
  env.live[leg] = nil
  listener:close()
  core:close()
end

---`local _ <close> = live.hold(leg, events)`: leaving the block ends the leg, with its last event.
---@param leg moonline.Leg
---@param events moonline.StatusEvents?
function live.hold(leg, events)
  local env, core, listener, sid = leg.env, leg.core, leg.listener, leg.sid
  env.live[leg] = true
  return task.closing(function() ended(env, leg, core, listener, sid, events) end)
end

---Runs fn(...), what a leg does from its beginning to its end. An error that not even the apology for it
---got through is told here.
---@param leg moonline.Leg
---@param fn function
function live.run(leg, fn, ...)
  local env, core, sid = leg.env, leg.core, leg.sid
  local fine, problem = guard.root(fn, ...)
  if fine then return end
  log.call(sid):error("%s", problem)
  env.notify { kind = "warning", call = sid, code = 12400, text = problem:match("^[^\n]*") }
  if core:state() == "ringing" then core:reject(500) end
  leg.final_status = leg.final_status or "failed"
end

-- Runs before the task that the leg leaves can close it.
local function go_on(leg, redirect, events, held)
  local _ <close> = held
  local _ <close> = live.hold(leg, events)
  leg.jar = leg.jar or http.jar()
  live.run(leg, function() session.new(leg):follow(redirect) end)
end

---A leg that a Dial or a script called goes its own way, with documents of its own.
---@param leg moonline.Leg
---@param redirect moonline.Redirect
---@param events moonline.StatusEvents?
function live.move(leg, redirect, events)
  leg.moved = true
  task.spawn(go_on, leg, redirect, events, leg.env.work:hold()):name("call " .. leg.sid)
end

return live

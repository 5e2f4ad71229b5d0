-- Legs that run documents of their own: they are noted while they live, told about when they end, and
-- reached from outside by their sid.

local http = require "moonline.core.http"
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

local function ended(leg, events)
  local env = leg.env
  leg:hangup()
  if events then
    events:tell("completed",
      { status = leg:status(), duration = leg:duration(), code = leg.final_code })
  end
  live.count(leg)
  env.notify { kind = "call-ended", call = leg.sid, status = leg:status() }
  env.live[leg] = nil
  leg.core:close()
end

---`local _ <close> = live.hold(leg, events)`: leaving the block ends the leg, with its last event.
---@param leg moonline.Leg
---@param events moonline.StatusEvents?
function live.hold(leg, events)
  leg.env.live[leg] = true
  return task.closing(function() ended(leg, events) end)
end

-- Runs before the task that the leg leaves can close it.
local function go_on(leg, redirect, events, held)
  local _ <close> = held
  local _ <close> = live.hold(leg, events)
  leg.jar = leg.jar or http.jar()
  session.new(leg):follow(redirect)
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

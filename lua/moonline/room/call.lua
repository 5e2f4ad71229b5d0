-- What scripts do with rooms: methods of moonline.Leg.

local agent = require "moonline.room.agent"
local attendance = require "moonline.room.attendance"
local conference = require "moonline.room.conference"
local hold = require "moonline.room.hold"
local http = require "moonline.core.http"
local known = require "moonline.options"
local queue = require "moonline.room.queue"
local session = require "moonline.twiml.session"
local task = require "moonline.task"

local CONFERENCE <const> = known.of("conference", "muted", "beep", "start", "ends", "label", "max",
  "coach", "jitter", "wait", "star", "limit", "record")
local ENQUEUE <const> = known.of("enqueue", "max", "wait")
local DEQUEUE <const> = known.of("dequeue", "timeout", "limit", "star")

---@class moonline.MeetingOptions
---@field muted boolean?
---@field beep boolean|"enter"|"exit"|nil to the others when it comes and goes (true)
---@field start boolean? the conference may start when it is there (true)
---@field ends boolean? the conference ends for all when it leaves
---@field label string? unique in the conference
---@field max integer? participants, with it (250)
---@field coach string? sid of the only call that hears this one
---@field jitter "large"|"medium"|"small"|"off"|nil
---@field wait any what it hears before the start, as for play, again and again; false: silence; nil: our
---  own music
---@field star boolean? its * leaves
---@field limit number? seconds
---@field record boolean? of all, from the start; the first call says it

---@class moonline.Leg
local Leg = {}

-- Runs fn; the hangup of this leg is no error but a result.
local function unless_hangup(self, fn, ...)
  local results = table.pack(task.catch(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local value = results[2]
  if value.kind ~= "hangup" or value.leg ~= self then return task.unwind(value) end
  return "hangup"
end

local function beep_of(given)
  if given == nil then return "true" end
  return ({ enter = "onEnter", exit = "onExit" })[given] or tostring(given)
end

---Joins the conference of that name, which all calls of the server meet in, and stays. It starts with
---two of whom one has not said start = false. nil and why when it does not get in: "full", "label"
---(another has that label), "coach" (nobody of that sid is there to coach).
---@param name string
---@param options moonline.MeetingOptions?
---@return number? seconds
---@return "left"|"ended"|"kicked"|"limit"|"hangup"|"full"|"label"|"coach"|"present" why
function Leg:conference(name, options)
  options = CONFERENCE(options)
  local begun, how, why
  self.jar = self.jar or http.jar()
  local on_hold, on_announce = attendance.documents(session.new(self))
  how, why = unless_hangup(self, conference.join, self, name, {
    muted = options.muted, beep = beep_of(options.beep), start_on_enter = options.start,
    end_on_exit = options.ends, label = options.label, max = options.max, coach = options.coach,
    jitter = options.jitter, star = options.star, time_limit = options.limit,
    wait = hold.sound(self, options.wait), host = { record = options.record },
    on_hold = on_hold, on_announce = on_announce,
  }, function() begun = task.clock() end)
  if not how then return nil, why end
  return begun and task.clock() - begun or 0, how
end

local RESULTS = { ["queue-full"] = "full", bridged = "talked" }

---Waits in the queue of that name until a call that takes from it has talked with this one.
---@param name string
---@param options { max: integer?, wait: any }? max: callers, at most 1000; wait: as of conference
---@return number? seconds in the queue; nil when it is full
---@return "talked"|"hangup"|"full" why
function Leg:enqueue(name, options)
  options = ENQUEUE(options)
  local outcome = { result = "hangup" }
  unless_hangup(self, queue.enter, self, name, {
    max = options.max, wait = hold.sound(self, options.wait),
  }, outcome)
  if outcome.result == "queue-full" then return nil, "full" end
  return outcome.seconds and outcome.seconds() or 0, RESULTS[outcome.result] or "hangup"
end

---Talks with the first who waits in the queue of that name, or waits for one.
---@param name string
---@param options { timeout: number?, limit: number?, star: boolean? }? timeout: 30 s
---@return number? seconds they talked
---@return "peer"|"hangup"|"unknown"|"no-answer"|"canceled" why
function Leg:dequeue(name, options)
  options = DEQUEUE(options)
  local begun
  local caller, why = unless_hangup(self, agent.take, self, name, {
    timeout = options.timeout, time_limit = options.limit, star = options.star,
  }, function() begun = task.clock() end)
  if not begun then return nil, caller or why end
  return task.clock() - begun, self.ended and "hangup" or "peer"
end

return Leg

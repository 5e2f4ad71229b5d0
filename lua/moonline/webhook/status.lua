-- Call progress events of a leg: initiated, ringing, answered, completed.

local callback = require "moonline.webhook.callback"
local params = require "moonline.webhook.params"
local record = require "moonline.record"
local task = require "moonline.core.task"

---@class moonline.StatusEvents
local Status = {}
Status.__index = Status
Status.__name = "moonline.StatusEvents"

local status = {}

local CALL_STATUS = { initiated = "initiated", ringing = "ringing", answered = "in-progress" }

-- What a completed event adds.
local function ending(list, leg, result)
  local seconds = result.duration or 0
  list[#list + 1] = { "CallDuration", math.floor(seconds) }
  list[#list + 1] = { "Duration", math.ceil(seconds / 60) }
  if result.code and result.code > 0 then list[#list + 1] = { "SipResponseCode", result.code } end
  local recording = leg.recording
  if recording and recording:is_there() then
    list[#list + 1] = { "RecordingUrl", recording.url }
    list[#list + 1] = { "RecordingSid", recording.sid }
    list[#list + 1] = { "RecordingDuration", math.floor(recording.duration + 0.5) }
  end
end

---The callback about an event.
---@param leg moonline.Leg or what is left of one: sid, from, to, direction, parent_sid, status
---@param config table
---@param event string
---@param result { status: string?, duration: number?, code: integer?, time: number? }
---@param hook { url: string, method: string, sequence: integer }
---@return moonline.Webhook
function status.callback(leg, config, event, result, hook)
  local list = params.standard(leg, config)
  for _, pair in ipairs(list) do
    if pair[1] == "CallStatus" then pair[2] = result.status or CALL_STATUS[event] end
  end
  if event == "completed" then ending(list, leg, result) end
  list[#list + 1] = { "Timestamp", params.date(result.time or task.time()) }
  list[#list + 1] = { "CallbackSource", "call-progress-events" }
  list[#list + 1] = { "SequenceNumber", hook.sequence }
  -- A call has one end, also when it is told of again after a crash.
  local token = event == "completed" and leg.sid:sub(3) or nil
  return { url = hook.url, method = hook.method, params = list, jar = leg.jar, token = token,
    what = "status " .. event }
end

---Tells an event, once a call, if somebody asked for it. The completed one is also the call's final
---record, in one transaction with the callback. Returns at once.
---@param event "initiated"|"ringing"|"answered"|"completed"
---@param result { status: string?, duration: number?, code: integer? }?
function Status:tell(event, result)
  local leg = self.leg
  if event == "completed" then record.ended(leg, result) end
  if not self.events[event] then return end
  self.events[event] = nil
  callback.push(leg.env, leg.sid, status.callback(leg, leg.env.config, event, result or {}, self))
  self.sequence = self.sequence + 1
  if self.events.completed then record.told(leg, self.sequence) end
end

-- Nobody asked, or what was asked for cannot be done.
local function none(leg)
  return setmetatable({ leg = leg, events = {} }, Status)
end

---The events of a leg that go to a URL. Without one, or with one that is refused, none.
---@param leg moonline.Leg
---@param options { url: string?, method: string?, events: string[]?, base: string?, warn: function? }
---@return moonline.StatusEvents
function status.of(leg, options)
  leg.has_events = true
  if not options.url then return none(leg) end
  local target, why = callback.url(options.url, options.base)
  if not target then
    if options.warn then options.warn(11100, why) end
    return none(leg)
  end
  local events = {}
  for _, name in ipairs(options.events or { "completed" }) do events[name] = true end
  local method = options.method or "POST"
  if events.completed then record.wants_end(leg, target, method) end
  return setmetatable({ leg = leg, url = target, method = method, events = events, sequence = 0 },
    Status)
end

return status

-- Call progress events of a leg: initiated, ringing, answered, completed.

local callback = require "moonline.webhook.callback"
local params = require "moonline.webhook.params"
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

---Tells an event, once a call, if somebody asked for it. Returns at once.
---@param event "initiated"|"ringing"|"answered"|"completed"
---@param result { status: string?, duration: number?, code: integer? }?
function Status:tell(event, result)
  if not self.events[event] then return end
  self.events[event] = nil
  local leg = self.leg
  local list = params.standard(leg, leg.env.config)
  for _, pair in ipairs(list) do
    if pair[1] == "CallStatus" then pair[2] = result and result.status or CALL_STATUS[event] end
  end
  if event == "completed" then ending(list, leg, result or {}) end
  list[#list + 1] = { "Timestamp", params.date(task.time()) }
  list[#list + 1] = { "CallbackSource", "call-progress-events" }
  list[#list + 1] = { "SequenceNumber", self.sequence }
  self.sequence = self.sequence + 1
  self.queue:push { url = self.url, method = self.method, params = list, jar = leg.jar,
    what = "status " .. event }
end

local NOTHING = setmetatable({ events = {} }, Status)

---The events of a leg that go to a URL. Without one, or with one that is refused, none.
---@param leg moonline.Leg
---@param options { url: string?, method: string?, events: string[]?, base: string?, warn: function? }
---@return moonline.StatusEvents
function status.of(leg, options)
  if not options.url then return NOTHING end
  local target, why = callback.url(options.url, options.base)
  if not target then
    if options.warn then options.warn(11100, why) end
    return NOTHING
  end
  local events = {}
  for _, name in ipairs(options.events or { "completed" }) do events[name] = true end
  return setmetatable({
    leg = leg, url = target, method = options.method or "POST", events = events, sequence = 0,
    queue = callback.queue(leg.env, leg.sid),
  }, Status)
end

return status

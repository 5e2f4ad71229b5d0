-- A recording: its file in the store, its sid and URL, and the callbacks about it.

local callback = require "moonline.webhook.callback"
local crypto = require "moonline.core.crypto"
local params = require "moonline.webhook.params"
local task = require "moonline.core.task"

---@class moonline.Recording
---@field sid string RE and 32 hex digits
---@field url string RecordingUrl
---@field path string
---@field duration number seconds, known when it is finished
---@field status "completed"|"absent"|"failed"|nil once it is finished
local Recording = {}
Recording.__index = Recording
Recording.__name = "moonline.Recording"

local recording = {}

---Path of a recording's file in the store.
---@param config table
---@param sid string checked: RE and hex digits
---@return string
function recording.path(config, sid)
  return ("%s/recordings/%s.wav"):format(config.store.path, sid)
end

-- A failed one has no event of its own: whoever waits for the end is told.
local function is_wanted(events, status)
  return events[status] or status == "failed" and (events.completed or events.absent)
end

local function tell(self, status, event)
  local hook = self.callback
  if not hook or not hook.url or not is_wanted(hook.events, status) then return end
  local call, env = self.call, self.call.env
  local list = {
    { "AccountSid", env.config.account_sid }, { "CallSid", call.sid },
    { "RecordingSid", self.sid }, { "RecordingUrl", self.url }, { "RecordingStatus", status },
    { "RecordingChannels", self.dual and 2 or 1 }, { "RecordingSource", self.source },
    { "RecordingStartTime", params.date(self.started) },
  }
  if event then list[#list + 1] = { "RecordingDuration", math.floor(event.duration + 0.5) } end
  self.queue:push { url = hook.url, method = hook.method, params = list, jar = call.jar,
    what = "recording " .. status }
end

---Finishes the file and waits for it; then tells the application. The recorded event comes back.
---@param event moonline.Event? the recorded event, when it was taken already
---@return moonline.Event
function Recording:stop(event)
  if self.done then return self.done end
  if not event then
    self.recorder:stop()
    event = self.box:wait("recorded", 30)
  end
  self.done = event or { kind = "recorded", why = "failed", duration = 0, text = "never finished" }
  self.recorder:close()
  self.duration = self.done.duration
  self.status = self.done.why == "failed" and "failed" or self.done.absent and "absent"
    or "completed"
  if self.status == "failed" then
    self.call.log:error("recording %s failed: %s", self.sid, self.done.text)
  end
  tell(self, self.status, self.done)
  self.call.env.notify { kind = "recording", call = self.call.sid, sid = self.sid, path = self.path,
    duration = self.duration, status = self.status }
  return self.done
end

---Is there something to hear at its URL?
---@return boolean
function Recording:is_there()
  return self.status == nil or self.status == "completed"
end

Recording.__close = function(self) self:stop() end

---Lets another party join the recording.
---@param other moonline.Leg
function Recording:join(other)
  self.recorder:join(other.core)
end

---Begins to record what `call` says (and `options.right`). nil and why when that is not possible.
---@param call moonline.Leg
---@param options { right: moonline.Leg?, dual: boolean?, trim: boolean?, max: number?, silence: number?, keys: string?, source: string, callback: table?, box: moonline.Mailbox? }
---@return moonline.Recording?, string? why
function recording.start(call, options)
  local env = call.env
  local sid = "RE" .. crypto.random_hex(16)
  local self = setmetatable({
    sid = sid, call = call, path = recording.path(env.config, sid), dual = options.dual,
    source = options.source, callback = options.callback,
    box = options.box or task.mailbox(), duration = 0,
    started = task.time(), queue = callback.queue(env, call.sid),
    url = ("%s/2010-04-01/Accounts/%s/Recordings/%s"):format(env.public_url or "",
      env.config.account_sid, sid),
  }, Recording)
  local recorder, why, text = env.media:record {
    path = self.path, left = call.core, right = options.right and options.right.core,
    dual = options.dual, trim = options.trim, max = options.max, silence = options.silence,
    keys = options.keys, box = self.box,
  }
  if not recorder then return nil, text or why end
  self.recorder = recorder
  tell(self, "in-progress")
  return self
end

return recording

-- A recording: its file in the store, its sid and URL, and the callbacks about it.

local callback = require "moonline.webhook.callback"
local crypto = require "moonline.core.crypto"
local params = require "moonline.webhook.params"
local record = require "moonline.record"
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

-- Does anybody want to know how it ends?
local function is_wanted_at_end(hook)
  return hook and hook.url and (hook.events.completed or hook.events.absent)
end

-- A failed one has no event of its own: whoever waits for the end is told.
local function is_wanted(events, status)
  return events[status] or status == "failed" and (events.completed or events.absent)
end

-- Where others find its audio.
local function address(env, sid)
  return ("%s/2010-04-01/Accounts/%s/Recordings/%s"):format(env.public_url or "",
    env.config.account_sid, sid)
end

---Tells the application of a recording.
---@param env moonline.Env
---@param fields { sid: string, call: string?, conference: string?, channels: integer, source: string, start: number, callback: string, callback_method: string }
---  as they are recorded
---@param status string
---@param duration number? seconds, once it is finished
---@param jar moonline.Jar?
function recording.tell(env, fields, status, duration, jar)
  local list = {
    { "AccountSid", env.config.account_sid },
    { fields.conference and "ConferenceSid" or "CallSid", fields.conference or fields.call },
    { "RecordingSid", fields.sid }, { "RecordingUrl", address(env, fields.sid) },
    { "RecordingStatus", status }, { "RecordingChannels", fields.channels },
    { "RecordingSource", fields.source }, { "RecordingStartTime", params.date(fields.start) },
  }
  if duration then list[#list + 1] = { "RecordingDuration", math.floor(duration + 0.5) } end
  callback.push(env, fields.conference or fields.call, {
    url = fields.callback, method = fields.callback_method, params = list, jar = jar,
    what = "recording " .. status, token = duration and fields.sid:sub(3) or nil, -- it has one end
  })
end

local function tell(self, status, event)
  local hook = self.callback
  if not hook or not hook.url or not is_wanted(hook.events, status) then return end
  recording.tell(self.call.env, {
    sid = self.sid, call = not self.room and self.call.sid or nil,
    conference = self.room and self.call.sid or nil, channels = self.dual and 2 or 1,
    source = self.source, start = self.started, callback = hook.url, callback_method = hook.method,
  }, status, event and event.duration, self.call.jar)
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
  record.recording_status(self, self.status, self.duration)
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

---@class moonline.RecordingOptions
---@field right moonline.Leg?
---@field hears boolean?
---@field sent boolean? also all that is sent to the call: prompts, its peer, its room
---@field only_sent boolean? with sent: not what it says
---@field room string?
---@field member string?
---@field dual boolean?
---@field trim boolean?
---@field max number?
---@field silence number?
---@field keys string?
---@field source string
---@field callback table?
---@field box moonline.Mailbox?
---@field name string? of recording.begin

---Begins to record what `call` says (and `options.right`; or what it hears in its room; or a member of
---another room). Of a conference: `room` is its sid, and `call` has env, sid and log of it. nil and
---why when that is not possible.
---@param call moonline.Leg
---@param options moonline.RecordingOptions
---@return moonline.Recording?, string? why
function recording.start(call, options)
  local env = call.env
  local sid = "RE" .. crypto.random_hex(16)
  local self = setmetatable({
    sid = sid, call = call, path = recording.path(env.config, sid), dual = options.dual,
    source = options.source, callback = options.callback,
    room = options.room and not options.member,
    box = options.box or task.mailbox(), duration = 0,
    started = task.time(), url = address(env, sid),
  }, Recording)
  local recorder, why, text = env.media:record {
    path = self.path, left = call.core, hears = options.hears, sent = options.sent,
    only_sent = options.only_sent,
    rooms = env.rooms, room = options.room, member = options.member,
    right = options.right and options.right.core, dual = options.dual,
    trim = options.trim, max = options.max, silence = options.silence,
    keys = options.keys, box = self.box,
  }
  if not recorder then return nil, text or why end
  self.recorder = recorder
  record.recording(self, is_wanted_at_end(self.callback) and self.callback or nil)
  tell(self, "in-progress")
  return self
end

local function keep(one, work)
  local _ <close> = work
  one:stop(one.box:wait "recorded")
  one.call.recordings[one] = nil
end

---The same beside whatever the call does, until its end or recording.stop.
---@param call moonline.Leg
---@param options moonline.RecordingOptions
---@return moonline.Recording?, string? why
function recording.begin(call, options)
  local one, why = recording.start(call, options)
  if not one then return nil, why end
  call.recordings = call.recordings or {}
  call.recordings[one] = options.name or ""
  task.spawn(keep, one, call.env.work:hold()):name("recording " .. one.sid)
  return one
end

---Ends those of a call that recording.begin began; with a name, that one alone.
---@param call moonline.Leg
---@param name string?
---@return boolean some
function recording.stop(call, name)
  local some = false
  for one, its in pairs(call.recordings or {}) do
    if not name or its == name then
      some = true
      one.recorder:stop()
    end
  end
  return some
end

return recording

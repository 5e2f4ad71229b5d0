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

local PATIENCE = 30 -- seconds in which a file is finished

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

-- Tells whoever asked that it is done (moonline.rest.parts.ask).
local function answer(env, key, problem)
  if key then env.calls:tell(key, { kind = "answer", problem = problem }) end
end

-- It is over, with the recorded event that says how: written down and told, once.
local function finish(self, event)
  if self.done then return end
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
  for _, box in ipairs(self.waiting) do box:post { kind = "finished" } end
  for _, key in ipairs(self.asked) do answer(self.call.env, key) end
  self.orders:post { kind = "finished" }
end

---Finishes the file and waits for it; then tells the application. The recorded event comes back.
---@param event moonline.Event? the recorded event, when it was taken already
---@return moonline.Event
function Recording:stop(event)
  if self.done then return self.done end
  if event then
    finish(self, event)
  elseif self.box ~= self.orders then
    self.recorder:stop()
    finish(self, self.box:wait("recorded", PATIENCE))
  else -- its own task takes the event
    local box = task.mailbox()
    self.waiting[#self.waiting + 1] = box
    self.recorder:stop()
    if not box:wait("finished", PATIENCE) then finish(self) end
  end
  return self.done
end

---The same without waiting.
function Recording:finish()
  if not self.done then self.recorder:stop() end
end

---Leaves out what comes from now on (skip), or has silence for it.
---@param skip boolean?
function Recording:pause(skip)
  self.recorder:pause(true, skip or false)
  record.recording_status(self, "paused")
end

---Goes on after a pause.
function Recording:resume()
  self.recorder:pause(false)
  record.recording_status(self, "in-progress")
end

-- What others want of it, whatever state they are in: they tell its sid (env.calls).
local obey = {}

function obey.paused(self, event)
  self:pause(event.skip)
  answer(self.call.env, event.reply)
end

obey["in-progress"] = function(self, event)
  self:resume()
  answer(self.call.env, event.reply)
end

function obey.stopped(self, event)
  self.asked[#self.asked + 1] = event.reply
  self:finish()
end

-- From its beginning to its end, in a task of its own.
local function attend(self)
  local env = self.call.env
  local _ <close> = env.work:hold()
  local _ <close> = env.calls:listen(self.sid, self.orders, true)
  while not self.done do
    local event = self.orders:wait { "recorded", "order", "finished" }
    if event.kind == "recorded" then
      finish(self, event)
    elseif event.kind == "order" then
      obey[event.status](self, event)
    end
  end
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
---@field room string?
---@field member string?
---@field dual boolean?
---@field trim boolean?
---@field max number?
---@field silence number?
---@field keys string?
---@field track "both"|"inbound"|"outbound"|nil which side of the call: what it says, what it hears
---@field sid string? of the recording; else a new one
---@field source string
---@field callback table?
---@field box moonline.Mailbox?

-- Which side of the call is in it, in the words of TwiML.
local function track_of(options)
  if options.track then return options.track end
  if options.hears or options.right or options.room or options.source == "DialVerb" then
    return "both"
  end
  return "inbound"
end

---Begins to record what `call` says (and `options.right`; or what it hears; or a member of another
---room). Of a conference: `room` is its sid, and `call` has env, sid and log of it. nil and
---why when that is not possible.
---@param call moonline.Leg
---@param options moonline.RecordingOptions
---@return moonline.Recording?, string? why
function recording.start(call, options)
  local env = call.env
  local sid, orders = options.sid or "RE" .. crypto.random_hex(16), task.mailbox()
  local self = setmetatable({
    sid = sid, call = call, path = recording.path(env.config, sid), dual = options.dual,
    source = options.source, callback = options.callback, track = track_of(options),
    room = options.room and not options.member,
    orders = orders, box = options.box or orders, waiting = {}, asked = {}, duration = 0,
    started = task.time(), url = address(env, sid),
  }, Recording)
  record.recording(self, is_wanted_at_end(self.callback) and self.callback or nil)
  local recorder, why, text = env.media:record {
    path = self.path, left = call.core,
    hears = options.hears or options.track ~= nil and options.track ~= "inbound",
    unsaid = options.track == "outbound",
    rooms = env.rooms, room = options.room, member = options.member,
    right = options.right and options.right.core, dual = options.dual,
    trim = options.trim, max = options.max, silence = options.silence,
    keys = options.keys, box = self.box,
  }
  if not recorder then
    record.recording_status(self, "failed", 0)
    return nil, text or why
  end
  self.recorder = recorder
  tell(self, "in-progress")
  env.notify { kind = "recording-started", call = call.sid, sid = sid }
  task.spawn(attend, self):name("recording " .. sid)
  return self
end

---Begins a recording that was asked for from outside, if whoever asked is still there.
---@param call moonline.Leg as of start
---@param event table options of start, and reply: who asked
---@return moonline.Recording?
function recording.asked(call, event)
  if not call.env.calls:tell(event.reply, { kind = "taken" }) then return nil end
  local one, why = recording.start(call, event)
  answer(call.env, event.reply, why)
  return one
end

return recording

-- Runs a conference from its first participant to its last: when it starts and ends, beeps, recording,
-- callbacks. One task for each conference, in the generation of the first participant; of the others,
-- whatever their generation, it knows by events of the house.

local callback = require "moonline.webhook.callback"
local events = require "moonline.room.events"
local log = require "moonline.log"
local record = require "moonline.record"
local recording = require "moonline.recording"
local participant = require "moonline.room.participant"
local task = require "moonline.task"

local host = {}

-- Field of the room for each call that is on its way to it: this and its sid -> its label.
host.invitation = "invited "

local ENTER = { tone = "880/120,1175/120", ms = 240, level = -16 }
local EXIT = { tone = "1175/120,880/120", ms = 240, level = -16 }

local Host = {}
Host.__index = Host
Host.__name = "moonline.ConferenceHost"

local on = {}

function Host:beep(fields, moment, sound)
  local wanted = fields.beep == "true" or fields.beep == moment
  if wanted and self.started and self.count > 0 then self.rooms:play(self.sid, sound) end
end

-- What a recording takes for the call.
function Host:recorded()
  return { env = self.env, sid = self.sid, log = self.log }
end

function Host:record()
  local options = self.options
  if not options.record then return end
  local why
  self.recording, why = recording.start(self:recorded(),
    { room = self.sid, trim = options.trim, source = "Conference", callback = options.recording })
  if not self.recording then self.log:warning("nothing is recorded: %s", why) end
end

function Host:start()
  self.started = true
  self.rooms:set(self.sid, { started = task.time() })
  for call in pairs(self.members) do participant.apply(self.rooms, self.sid, call) end
  self.rooms:post(self.sid, nil, { what = "start" })
  record.conference(self.env, { sid = self.sid, status = "in-progress" })
  self.events:tell "conference-start"
  self:record()
  self.env.notify { kind = "conference-started", conference = self.sid, name = self.name }
end

-- Two or more, and one of them is enough to begin.
function Host:may_start()
  if self.started or self.ending or self.count < 2 then return false end
  for _, fields in pairs(self.members) do
    if fields.start_on_enter then return true end
  end
  return false
end

-- No new participants; those that are have to go.
---@param call string? whose leaving it was
function Host:finish(call, reason)
  if self.ending then return end
  self.ending = { { "ReasonConferenceEnded", reason } }
  if call then self.ending[2] = { "CallSidEndingConference", call } end
  self.reason, self.ender = reason, call
  self.rooms:post(self.sid, nil, { what = "end" })
  self.rooms:shut(self.sid)
  for invited in pairs(self.invited) do
    self.env.calls:tell(invited, { kind = "redirect", hangup = true })
  end
end

-- Nobody is in it, and nobody is on the way.
function Host:is_deserted()
  return self.count == 0 and next(self.invited) == nil
end

-- A call was placed that is to join.
function on.invited(self, event)
  self.invited[event.call] = true
end

-- It is over, whether it was here or not.
function on.uninvited(self, event)
  self.invited[event.call] = nil
  self.rooms:set(self.sid, { [host.invitation .. event.call] = false })
  if self:is_deserted() then self:finish(nil, "last-participant-left") end
end

function on.enter(self, event)
  self.invited[event.call] = nil
  self.rooms:set(self.sid, { [host.invitation .. event.call] = false })
  self:beep(event.fields, "onEnter", ENTER)
  self.members[event.call], self.count = event.fields, self.count + 1
  if self.events:wants "participant-speech-start" then
    self.rooms:change(self.sid, event.call, { watched = true })
  end
  self.events:tell("participant-join", event)
  if self.ending then -- it came in just as the conference ended
    self.rooms:post(self.sid, event.call, { what = "end" })
  elseif self.started then
    participant.apply(self.rooms, self.sid, event.call)
  elseif self:may_start() then
    self:start()
  end
end

function on.leave(self, event)
  self.members[event.call], self.count = nil, self.count - 1
  self.events:tell("participant-leave", event)
  self:beep(event.fields, "onExit", EXIT)
  local how = event.fields.kicked and "kicked" or "left"
  if event.fields.end_on_exit and self.count > 0 then
    self:finish(event.call, "participant-with-end-conference-on-exit-" .. how)
  elseif self:is_deserted() then
    self:finish(event.call, "last-participant-" .. how)
  end
end

local CHANGES = {
  muted = { "participant-mute", "participant-unmute" },
  hold = { "participant-hold", "participant-unhold" },
}

function on.changed(self, event)
  local fields = self.members[event.call]
  if not fields then return end
  local told = false
  for name, value in pairs(event.changes) do fields[name] = value and tostring(value) or nil end
  for name, pair in pairs(CHANGES) do
    if event.changes[name] ~= nil then
      self.events:tell(event.changes[name] and pair[1] or pair[2], { call = event.call,
        fields = fields })
      told = true
    end
  end
  if not told then
    self.events:tell("participant-modify", { call = event.call, fields = fields })
  end
  if self:may_start() then self:start() end
end

function on.speech(self, event)
  local fields = self.members[event.call]
  if not fields then return end
  self.events:tell(event.speaks and "participant-speech-start" or "participant-speech-stop",
    { call = event.call, fields = fields })
end

-- To one, or to all, who play it each for itself.
function on.announce(self, event)
  local number = #self.announcements + 1
  local told = self.rooms:post(self.sid, event.call,
    { what = "announce", url = event.url, method = event.method, number = number })
  self.announcements[number] = { url = event.url, left = told, call = event.call }
end

-- One has heard an announcement, or not; it is over with the last.
function on.announced(self, event)
  local one = self.announcements[event.number]
  one.left = one.left - 1
  one.heard = one.heard or not event.failed
  if one.left > 0 then return end
  local extra = { { "AnnounceUrl", one.url } }
  if not one.heard then extra[2] = { "ReasonAnnouncementFailed", event.failed } end
  self.events:tell(one.heard and "announcement-end" or "announcement-fail", {
    call = one.call, fields = one.call and (self.members[one.call] or {}), extra = extra,
  })
end

-- Asked for by the REST interface.
function on.record(self, event)
  event.room = self.sid
  self.recordings[#self.recordings + 1] = recording.asked(self:recorded(), event)
end

function on.stop(self)
  self:finish(nil, "conference-ended-via-api")
end

-- eventCallbackUrl: where the recording is, once it is there.
function Host:tell_recording()
  local url, one = self.options.event_url, self.recording
  if not url or not one:is_there() then return end
  callback.queue(self.env, self.sid):push {
    url = url, method = "POST", what = "conference recording", params = {
      { "ConferenceSid", self.sid }, { "RecordingUrl", one.url },
      { "Duration", math.floor(one.duration + 0.5) }, { "timestamp", math.floor(task.time()) },
    },
  }
end

function Host:over()
  if self.recording then
    self.recording:stop()
    self:tell_recording()
  end
  for _, one in ipairs(self.recordings) do one:stop() end
  record.conference(self.env,
    { sid = self.sid, status = "completed", reason = self.reason, ender = self.ender })
  if self.started then self.events:tell("conference-end", { extra = self.ending }) end
  self.env.notify { kind = "conference-ended", conference = self.sid, name = self.name }
end

local function run(self)
  local _ <close> = self.held
  local _ <close> = self.handle
  local ok, problem = xpcall(function()
    repeat
      local event = self.box:wait { "room" }
      local handler = on[event.what]
      if handler then handler(self, event) end
    until self.ending and self.count == 0
    self:over()
  end, debug.traceback)
  if ok then return end
  self.log:error("%s", problem)
  self.rooms:post(self.sid, nil, { what = "end" })
  self.rooms:shut(self.sid)
  record.conference(self.env, { sid = self.sid, status = "completed" })
end

---Begins to run a conference that is new: before its first participant enters.
---@param env moonline.Env
---@param sid string
---@param name string
---@param options { callback: table?, record: boolean?, trim: boolean?, recording: table?, event_url: string? }
function host.start(env, sid, name, options)
  local box = task.mailbox()
  local self = setmetatable({
    env = env, rooms = env.rooms, sid = sid, name = name, options = options, box = box,
    members = {}, count = 0, invited = {}, announcements = {}, recordings = {},
    log = log.call(sid), held = env.work:hold(),
    handle = env.rooms:host(sid, box), events = events.new(env, sid, name, options.callback or {}),
  }, Host)
  record.conference(env, { sid = sid, name = name, status = "init" })
  task.spawn(run, self):name("conference " .. sid)
end

return host

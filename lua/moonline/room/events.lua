-- Callbacks of a conference: to the URL that its first participant named, in their order.

local callback = require "moonline.webhook.callback"
local params = require "moonline.webhook.params"
local task = require "moonline.core.task"

---@class moonline.ConferenceEvents
local Events = {}
Events.__index = Events
Events.__name = "moonline.ConferenceEvents"

local events = {}

-- Word of statusCallbackEvent -> what is told then.
local GROUPS = {
  start = { "conference-start" }, ["end"] = { "conference-end" }, join = { "participant-join" },
  leave = { "participant-leave" }, mute = { "participant-mute", "participant-unmute" },
  hold = { "participant-hold", "participant-unhold" }, modify = { "participant-modify" },
  speaker = { "participant-speech-start", "participant-speech-stop" },
  announcement = { "announcement-end", "announcement-fail" },
}

---Words of statusCallbackEvent.
events.words = {
  "start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement",
}

local function flag(value)
  return value and "true" or "false"
end

local function add_participant(list, call, fields)
  list[#list + 1] = { "CallSid", call }
  list[#list + 1] = { "Muted", flag(fields.muted) }
  list[#list + 1] = { "Hold", flag(fields.hold) }
  list[#list + 1] = { "Coaching", flag(fields.coach) }
  if fields.coach then list[#list + 1] = { "CallSidToCoach", fields.coach } end
  list[#list + 1] = { "StartConferenceOnEnter", flag(fields.start_on_enter) }
  list[#list + 1] = { "EndConferenceOnExit", flag(fields.end_on_exit) }
  if fields.label then list[#list + 1] = { "ParticipantLabel", fields.label } end
end

---@param event string
---@return boolean
function Events:wants(event)
  return self.wanted[event] == true
end

---Tells an event, if somebody asked for it. Returns at once.
---@param event string
---@param more { call: string?, fields: table?, extra: string[][]? }?
function Events:tell(event, more)
  if not self.wanted[event] then return end
  more = more or {}
  local list = {
    { "ConferenceSid", self.sid }, { "FriendlyName", self.name },
    { "AccountSid", self.env.config.account_sid }, { "StatusCallbackEvent", event },
    { "Timestamp", params.date(task.time()) }, { "SequenceNumber", self.sequence },
  }
  self.sequence = self.sequence + 1
  if more.call then add_participant(list, more.call, more.fields) end
  for _, pair in ipairs(more.extra or {}) do list[#list + 1] = pair end
  self.queue:push { url = self.url, method = self.method, params = list, what = event }
end

---@param env moonline.Env
---@param sid string
---@param name string
---@param options { url: string?, method: string?, events: string[]? }
---@return moonline.ConferenceEvents
function events.new(env, sid, name, options)
  local wanted = {}
  for _, word in ipairs(options.url and options.events or {}) do
    for _, event in ipairs(GROUPS[word]) do wanted[event] = true end
  end
  return setmetatable({
    env = env, sid = sid, name = name, url = options.url, method = options.method or "POST",
    wanted = wanted, sequence = 0, queue = callback.queue(env, sid),
  }, Events)
end

return events

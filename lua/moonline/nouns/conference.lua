-- <Conference ...>name</Conference> in a Dial: a room in which all hear each other.

local conference = require "moonline.room.conference"
local events = require "moonline.room.events"
local hold = require "moonline.room.hold"
local record = require "moonline.dial.record"
local task = require "moonline.core.task"

local LONGEST <const> = 128 -- characters of a name or label
local RULES <const> = { name = "waiting conference", code = 13238, verbs = { Redirect = true } }

local noun = {
  name = "Conference",
  attrs = {
    muted = { "boolean", default = false, code = 13230 },
    beep = {
      "enum", default = "true", values = { "true", "false", "onEnter", "onExit" }, code = 13235,
    },
    startConferenceOnEnter = { "boolean", default = true, code = 13232 },
    endConferenceOnExit = { "boolean", default = false, code = 13231 },
    participantLabel = { "text", max = LONGEST, code = 16025 },
    jitterBufferSize = {
      "enum", default = "large", values = { "large", "medium", "small", "off" },
    },
    waitUrl = { "url", code = 13233 },
    waitMethod = { "method", default = "POST", code = 13234 },
    maxParticipants = { "integer", default = 250, min = 1, max = 250, code = 13239 },
    record = {
      "enum", default = "do-not-record", values = { "do-not-record", "record-from-start" },
      aliases = { ["true"] = "record-from-start", ["false"] = "do-not-record" },
    },
    recordingConfigurationId = { "text", unsupported = true },
    region = { "text", unsupported = true },
    trim = { "enum", default = "do-not-trim", values = { "trim-silence", "do-not-trim" } },
    coach = { "text", max = 34, code = 13240 },
    statusCallback = { "url", code = 11100 },
    statusCallbackEvent = { "list", default = { "start", "end" }, values = events.words },
    statusCallbackMethod = { "method", default = "POST" },
    recordingStatusCallback = { "url", code = 13256 },
    recordingStatusCallbackMethod = { "method", default = "POST", code = 13256 },
    recordingStatusCallbackEvent = {
      "list", default = { "completed" }, values = { "in-progress", "completed", "absent" },
      code = 13256,
    },
    eventCallbackUrl = { "url", code = 11100 },
  },
  text = true,
}

function noun.check(node, report)
  local problem = node.text == "" and "<Conference> needs a name as its text"
    or #node.text > LONGEST
    and ("the name of a conference has at most %d characters"):format(LONGEST)
  if not problem then return end
  report(13237, node, problem)
  node.fault = { code = 13237, message = problem }
end

-- A document that cannot be had gives way to music.
local function listen(session, url, method)
  local ok, value = task.catch(function()
    local own = hold.session(session, RULES)
    own:run(own:fetch(url, nil, method, "wait"))
  end)
  if ok then return end
  if value.kind ~= "document-failed" then return task.unwind(value) end
  hold.music(session.call)
end

-- nil: our own music.
local function waiting(session, url, method)
  if not url then return nil end
  return function()
    if url ~= "" then listen(session, url, method) end
  end
end

-- What the first participant says of the conference.
local function host_options(session, a)
  local wanted = {}
  for _, event in ipairs(a.recordingStatusCallbackEvent) do wanted[event] = true end
  return {
    callback = {
      url = session:callback_url(a.statusCallback), method = a.statusCallbackMethod,
      events = a.statusCallbackEvent,
    },
    record = a.record == "record-from-start", trim = a.trim == "trim-silence",
    recording = {
      url = session:callback_url(a.recordingStatusCallback),
      method = a.recordingStatusCallbackMethod, events = wanted,
    },
    event_url = session:callback_url(a.eventCallbackUrl),
  }
end

local REFUSED = {
  full = { 13239, "the conference is full" }, coach = { 13240, "nobody of that CallSid to coach" },
  label = { 16025, "another participant has that label" },
  present = { 13237, "the call is in that conference already" },
}

---Joins and stays: called by the Dial in place of calling somebody.
---@param dial table
---@param node moonline.Node
---@param outcome moonline.DialOutcome
function noun.connect(dial, node, outcome)
  local session, a = dial.session, node.attrs
  local call = dial.call
  local _, why = conference.join(call, node.text, {
    muted = a.muted, beep = a.beep, start_on_enter = a.startConferenceOnEnter,
    end_on_exit = a.endConferenceOnExit, label = a.participantLabel, max = a.maxParticipants,
    coach = a.coach, jitter = a.jitterBufferSize, star = dial.attrs.hangupOnStar,
    time_limit = dial.attrs.timeLimit, host = host_options(session, a),
    wait = waiting(session, a.waitUrl, a.waitMethod),
    on_hold = function(url, method)
      if url then listen(session, url, method) else hold.music(call) end
    end,
    on_announce = function(event) listen(session, event.url, event.method) end,
  }, function()
    outcome.status = "answered"
    record.at(dial, "answer", { hears = true })
  end)
  if why then session:warn(table.unpack(REFUSED[why])) end
end

return noun

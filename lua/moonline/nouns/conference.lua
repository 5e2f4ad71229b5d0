-- <Conference ...>name</Conference> in a Dial: a room in which all hear each other.

local attendance = require "moonline.room.attendance"
local events = require "moonline.room.events"
local record = require "moonline.dial.record"

local LONGEST <const> = 128 -- characters of a name or label

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

---Joins and stays: called by the Dial in place of calling somebody.
---@param dial table
---@param node moonline.Node
---@param outcome moonline.DialOutcome
function noun.connect(dial, node, outcome)
  attendance.join(dial.session, node.text, node.attrs,
    { star = dial.attrs.hangupOnStar, time_limit = dial.attrs.timeLimit },
    function()
      outcome.status = "answered"
      record.at(dial, "answer", { hears = true })
    end)
end

return noun

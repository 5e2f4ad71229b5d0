-- <Record>: records what the caller says and posts where it is to action.

local recogniser = require "moonline.recogniser"
local transcription = require "moonline.transcription"

local LONGEST, TRANSCRIBED = 3600, 120 -- seconds, when the document does not say

local record = {
  name = "Record",
  attrs = {
    action = { "url", code = 11100 },
    method = { "method", default = "POST", code = 13610 },
    timeout = { "integer", default = 5, min = 0, max = 14400, code = 13611 },
    maxLength = { "integer", min = 1, max = 14400, code = 13612 },
    finishOnKey = { "keys", default = "1234567890*#", code = 13613 },
    transcribe = { "boolean", code = 13614 },
    transcribeCallback = { "url", code = 13257 },
    playBeep = { "boolean", default = true, code = 13616 },
    trim = {
      "enum", default = "trim-silence", values = { "trim-silence", "do-not-trim" }, code = 13699,
    },
    recordingStatusCallback = { "url", code = 13256 },
    recordingStatusCallbackMethod = { "method", default = "POST", code = 13256 },
    recordingStatusCallbackEvent = {
      "list", default = { "completed" }, values = { "in-progress", "completed", "absent" },
      code = 13621,
    },
    recordingConfigurationId = { "text", unsupported = true },
  },
}

-- Are words asked for, and can they be had?
local function wants_words(session, attrs)
  local wanted = attrs.transcribe
  if wanted == nil then wanted = attrs.transcribeCallback ~= nil end
  if not wanted or recogniser.is_there(session.env) then return wanted end
  session:warn(13614, "speech.recogniser is not configured: the recording is not transcribed")
  return false
end

local function events_of(session, attrs)
  local wanted = {}
  for _, name in ipairs(attrs.recordingStatusCallbackEvent) do wanted[name] = true end
  return {
    url = session:callback_url(attrs.recordingStatusCallback),
    method = attrs.recordingStatusCallbackMethod, events = wanted,
  }
end

-- Who has hung up gets no document any more; where the recording is, the application is told anyway.
local function tell(session, attrs, take)
  local params = {
    { "RecordingUrl", take.url }, { "RecordingSid", take.sid },
    { "RecordingDuration", math.floor(take.duration + 0.5) },
    { "Digits", take.why == "hangup" and "hangup" or take.key },
  }
  local action = attrs.action or ""
  if take.why == "hangup" then return session:post(action, params, attrs.method, "action") end
  return session:fetch(action, params, attrs.method, "action")
end

---Nothing but silence, or nothing at all for want of a disk: the next verb.
function record.run(session, node)
  local a = node.attrs
  local words = wants_words(session, a)
  local take, _, problem = session.call:record {
    max = a.maxLength or words and TRANSCRIBED or LONGEST, silence = a.timeout,
    keys = a.finishOnKey, trim = a.trim == "trim-silence", beep = a.playBeep,
    callback = events_of(session, a),
  }
  if not take then return session:warn(12400, "nothing is recorded: " .. problem) end
  if take.absent then return nil end
  if words then
    transcription.begin(session.call, take, session:callback_url(a.transcribeCallback))
  end
  return tell(session, a, take)
end

return record

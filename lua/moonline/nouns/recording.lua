-- <Recording name track channels trim recordingStatusCallback> in Start, and by its name in Stop: the call
-- is recorded while its documents go on.

local recording = require "moonline.recording"

local noun = {
  name = "Recording",
  attrs = {
    name = { "text", max = 255 },
    track = { "enum", default = "both", values = { "inbound", "outbound", "both" } },
    channels = { "enum", default = "dual", values = { "mono", "dual" } },
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
  parents = { "Start", "Stop" },
}

local function start(session, a)
  local events = {}
  for _, name in ipairs(a.recordingStatusCallbackEvent) do events[name] = true end
  local call = session.call
  call:ready()
  local one, why = recording.start(call, {
    track = a.track, dual = a.track == "both" and a.channels == "dual",
    trim = a.trim == "trim-silence", source = "StartCallRecordingTwiML",
    callback = {
      url = session:callback_url(a.recordingStatusCallback),
      method = a.recordingStatusCallbackMethod, events = events,
    },
  })
  if not one then return session:warn(12400, "<Recording>: nothing is recorded: " .. why) end
  one.name = a.name or ""
  call.recordings[#call.recordings + 1] = one -- ends with the call
end

-- Ends those of that name.
local function stop(session, name)
  local some = false
  for _, one in ipairs(session.call.recordings) do
    if one.name == name and not one.done then
      some = true
      one:finish()
    end
  end
  if some then return end
  session:warn(12200, ("<Stop>: no recording is named %q"):format(name))
end

---What Start and Stop do with it.
function noun.target(session, node)
  local a = node.attrs
  return {
    start = function() start(session, a) end,
    stop = function() stop(session, a.name or "") end,
  }
end

return noun

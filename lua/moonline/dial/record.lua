-- Recording of a Dial: from ringing or from the answer, mono or one channel a party.

local recording = require "moonline.recording"

local record = {}

local function set(list)
  local events = {}
  for _, name in ipairs(list) do events[name] = true end
  return events
end

---Begins the recording if the Dial wants one at this moment.
---@param dial table
---@param moment "ringing"|"answer"
---@param child moonline.Child?
function record.at(dial, moment, child)
  local attrs = dial.attrs
  local other = child and child.leg
  if dial.recording then
    if other then dial.recording:join(other) end
    return
  end
  if not attrs.record:match("^record%-from%-") then return end
  if moment == "ringing" and not attrs.record:match("^record%-from%-ringing") then return end
  if dial.call.state ~= "in-progress" then return end
  local why
  dial.recording, why = recording.start(dial.call, {
    right = other, dual = attrs.record:match("dual$") ~= nil, trim = attrs.trim == "trim-silence",
    source = "DialVerb",
    callback = {
      url = dial.session:callback_url(attrs.recordingStatusCallback),
      method = attrs.recordingStatusCallbackMethod,
      events = set(attrs.recordingStatusCallbackEvent or { "completed" }),
    },
  })
  if not dial.recording then dial.session:warn(13217, "nothing is recorded: " .. why) end
end

---Ends it, and waits until the file is complete.
---@param dial table
---@return moonline.Recording?
function record.finish(dial)
  if dial.recording then dial.recording:stop() end
  return dial.recording
end

return record

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
---@param child moonline.Child|{ leg: moonline.Leg?, hears: boolean?, room: string?, member: string? }|nil
---  one in a room: what the caller hears there, or a member of it
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
    right = other, hears = child and child.hears, room = child and child.room,
    member = child and child.member, dual = attrs.record:match("dual$") ~= nil,
    trim = attrs.trim == "trim-silence", source = "DialVerb",
    callback = {
      url = dial.session:callback_url(attrs.recordingStatusCallback),
      method = attrs.recordingStatusCallbackMethod,
      events = set(attrs.recordingStatusCallbackEvent or { "completed" }),
    },
  })
  if not dial.recording then dial.session:warn(13217, "nothing is recorded: " .. why) end
end

---The callee is heard before the answer: in a recording from ringing, too.
---@param dial table
---@param child moonline.Child
function record.early(dial, child)
  if dial.recording then dial.recording:join(child.leg) end
end

---Ends it with the child whose talk it holds, before that child's end is told.
---@param dial table
---@param child moonline.Child
function record.with(dial, child)
  if not dial.recording or child ~= dial.winner or not child.leg then return end
  dial.recording:stop()
  child.leg.recording = dial.recording
end

---Ends it, and waits until the file is complete.
---@param dial table
function record.finish(dial)
  if dial.recording then dial.recording:stop() end
end

---What the action request is told of it, once it is finished.
---@param dial table
---@param list string[][]
function record.add_params(dial, list)
  local one = dial.recording
  if not one or not one:is_there() then return end
  list[#list + 1] = { "RecordingUrl", one.url }
  list[#list + 1] = { "RecordingSid", one.sid }
  list[#list + 1] = { "RecordingDuration", math.floor(one.duration + 0.5) }
end

return record

-- One recording: its audio (with .wav or no ending) and its record (.json); paused, resumed and stopped
-- while it is made, deleted with its file.

local ask = require "moonline.rest.parts.ask"
local form = require "moonline.rest.parts.form"
local lfs = require "lfs"
local recording = require "moonline.recording"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.recording"

local CURRENT = "Twilio.CURRENT"
local BUSY = { ["in-progress"] = true, paused = true, processing = true }

local function audio(env, reply, sid)
  local path = recording.path(env.config, sid)
  if #sid ~= 34 or not lfs.attributes(path) then return reply:missing() end
  reply:file(path, "audio/wav")
end

-- The recording of that sid; of an owner: only one of that call or conference, or "Twilio.CURRENT", the
-- newest of it that is still made.
local function find(env, owner, sid)
  if not owner then return records.get(env, "recording", sid) end
  local whose = { owner:match("^CF") and "conference" or "call", "=", owner }
  if sid ~= CURRENT then
    return records.first(env, "recording", { whose, { "sid", "=", sid } })
  end
  return records.first(env, "recording", { whose, { "status", "=", "in-progress" } })
    or records.first(env, "recording", { whose, { "status", "=", "paused" } })
end

-- Captures of the path: owner and sid, or the sid alone.
local function named(one, two)
  if two then return one, two end
  return nil, one
end

return {
  account = {
    "/Recordings/(RE%x+)", "/Recordings/(RE%x+)%.wav",
    "/Calls/(CA%x+)/Recordings/(RE%x+)", "/Calls/(CA%x+)/Recordings/(RE%x+)%.wav",
    "/Calls/(CA%x+)/Recordings/(Twilio%.CURRENT)",
    "/Conferences/(CF%x+)/Recordings/(RE%x+)", "/Conferences/(CF%x+)/Recordings/(RE%x+)%.wav",
    "/Conferences/(CF%x+)/Recordings/(Twilio%.CURRENT)",
  },

  GET = function(env, reply, _, ...)
    local owner, sid = named(...)
    if not reply.info.path:match("%.json$") then return audio(env, reply, sid) end
    local fields = find(env, owner, sid)
    if not fields then return reply:missing() end
    reply:json(200, shape(env.config, fields))
  end,

  POST = function(env, reply, _, ...)
    local owner, sid = named(...)
    if not owner then
      form.fault(20004, "a recording is changed below its call or conference", 405)
    end
    local given = reply:form()
    local status = given:choice("Status", { "paused", "in-progress", "stopped" }, 21218)
    local pause = given:choice("PauseBehavior", { "skip", "silence" }, 21218)
    if not status then form.fault(21218, "Status is expected: paused, in-progress or stopped") end
    local fields = find(env, owner, sid)
    if not fields then return reply:missing() end
    local event = { kind = "order", status = status, skip = pause == "skip" }
    local there = BUSY[fields.status]
      and ask(env, event, function() return env.calls:tell(fields.sid, event) end)
    if not there then
      form.fault(21220, ("the recording is %s: it cannot be changed any more"):format(
        fields.status))
    end
    reply:json(200, shape(env.config, records.expect(env, "recording", fields.sid)))
  end,

  DELETE = function(env, reply, _, ...)
    local fields = find(env, named(...))
    if not fields then return reply:missing() end
    if BUSY[fields.status] then
      form.fault(20009, "the recording is still made: it cannot be deleted", 409)
    end
    os.remove(recording.path(env.config, fields.sid))
    env.store:remove("recording", fields.sid)
    reply:nothing()
  end,
}

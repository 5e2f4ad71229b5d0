-- One recording: its audio (with .wav or no ending) and its record (.json); deleted with its file.

local form = require "moonline.rest.parts.form"
local lfs = require "lfs"
local recording = require "moonline.recording"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.recording"

local BUSY = { ["in-progress"] = true, paused = true, processing = true }

local function audio(env, reply, sid)
  local path = recording.path(env.config, sid)
  if #sid ~= 34 or not lfs.attributes(path) then return reply:missing() end
  reply:file(path, "audio/wav")
end

return {
  account = {
    "/Recordings/(RE%x+)", "/Recordings/(RE%x+)%.wav", "/Calls/CA%x+/Recordings/(RE%x+)",
  },

  GET = function(env, reply, _, sid)
    if not reply.info.path:match("%.json$") then return audio(env, reply, sid) end
    local fields = records.get(env, "recording", sid)
    if not fields then return reply:missing() end
    reply:json(200, shape(env.config, fields))
  end,

  DELETE = function(env, reply, _, sid)
    local fields = records.get(env, "recording", sid)
    if not fields then return reply:missing() end
    if BUSY[fields.status] then
      form.fault(20009, "the recording is still made: it cannot be deleted", 409)
    end
    os.remove(recording.path(env.config, sid))
    env.store:remove("recording", sid)
    reply:nothing()
  end,
}

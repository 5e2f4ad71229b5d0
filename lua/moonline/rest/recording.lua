-- A recording's audio at its RecordingUrl, with and without .wav.

local lfs = require "lfs"
local recording = require "moonline.recording"

return {
  paths = {
    "^/2010%-04%-01/Accounts/(AC%x+)/Recordings/(RE%x+)$",
    "^/2010%-04%-01/Accounts/(AC%x+)/Recordings/(RE%x+)%.wav$",
  },
  GET = function(env, reply, _, account, sid)
    local path = recording.path(env.config, sid)
    if account ~= env.config.account_sid or #sid ~= 34 or not lfs.attributes(path) then
      return reply:fail(404, 20404, "there is no recording " .. sid)
    end
    reply:file(path, "audio/wav")
  end,
}

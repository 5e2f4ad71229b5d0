-- A recording's audio as MP3: its RecordingUrl with .mp3. Made when it is asked for, and not kept.

local crypto = require "moonline.core.crypto"
local lfs = require "lfs"
local recording = require "moonline.recording"
local task = require "moonline.core.task"

local PATIENCE = 60 -- seconds; an hour of talk takes four

-- The file, made in a task of the request's own; nil and why not.
local function compress(env, sid)
  local box = task.mailbox()
  local path = ("%s/%s-%s.mp3"):format(env.media_folder, sid, crypto.random_hex(4))
  env.media:compress(recording.path(env.config, sid), path, box)
  local event = box:wait({ "compressed" }, PATIENCE)
  if event and event.ok then return path end
  os.remove(path)
  return nil, event and event.text or "it takes too long"
end

return {
  account = { "/Recordings/(RE%x+)%.mp3", "/Calls/CA%x+/Recordings/(RE%x+)%.mp3",
    "/Conferences/CF%x+/Recordings/(RE%x+)%.mp3" },
  GET = function(env, reply, _, sid)
    if #sid ~= 34 or not lfs.attributes(recording.path(env.config, sid)) then
      return reply:missing()
    end
    local path, why = compress(env, sid)
    if not path then return reply:fail(500, 20500, "it cannot be compressed: " .. why) end
    reply:file(path, "audio/mpeg") -- is open from now on
    os.remove(path)
  end,
}

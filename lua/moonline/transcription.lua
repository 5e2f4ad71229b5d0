-- The words of a finished recording, asked of the recogniser and told to transcribeCallback.

local callback = require "moonline.webhook.callback"
local crypto = require "moonline.core.crypto"
local params = require "moonline.webhook.params"
local recogniser = require "moonline.recogniser"
local task = require "moonline.core.task"

local transcription = {}

local function run(leg, take, target, held)
  local _ <close> = held
  local words, code, message = recogniser.ask(leg, take.path, {}, true)
  if not words then
    leg:warn(code, ("recording %s is not transcribed: %s"):format(take.sid, message))
  end
  if not target then
    if words then leg.log:info("recording %s: %s", take.sid, words.text) end
    return
  end
  local env, sid = leg.env, "TR" .. crypto.random_hex(16)
  local list = params.standard(leg, env.config)
  for _, pair in ipairs {
    { "TranscriptionSid", sid }, { "TranscriptionStatus", words and "completed" or "failed" },
    { "TranscriptionText", words and words.text or "" }, { "RecordingSid", take.sid },
    { "RecordingUrl", take.url },
  } do list[#list + 1] = pair end
  callback.queue(env, leg.sid):push { url = target, method = "POST", params = list, jar = leg.jar,
    what = "transcription" }
end

---Begins; returns at once.
---@param leg moonline.Leg
---@param take moonline.Take
---@param target string? absolute URL
function transcription.begin(leg, take, target)
  task.spawn(run, leg, take, target, leg.env.work:hold()):name("transcription of " .. take.sid)
end

return transcription

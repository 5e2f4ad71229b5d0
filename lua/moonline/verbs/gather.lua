-- <Gather>: collects keys or speech, while the sounds inside play, and posts them to action.

local callback = require "moonline.webhook.callback"
local params = require "moonline.webhook.params"

local VOICE = 13321 -- number of the warning about a voice, here
local HINTS, HINT = 500, 100 -- how many, and characters of one

local gather = {
  name = "Gather",
  attrs = {
    input = { "list", default = { "dtmf" }, values = { "dtmf", "speech" }, code = 13326 },
    action = { "url", code = 11100 },
    method = { "method", default = "POST", code = 13312 },
    timeout = { "integer", default = 5, min = 1, max = 3600, word = "auto", code = 13313 },
    finishOnKey = { "key", default = "#", code = 13311 },
    numDigits = { "integer", min = 1, max = 1000, code = 13314 },
    actionOnEmptyResult = { "boolean", default = false, code = 13338 },
    bargeIn = { "boolean", default = true },
    enhanced = { "boolean" },
    hints = { "text", code = 13330 },
    language = { "language", default = "en-US", code = 13331 },
    maxSpeechTime = { "integer", default = 60, min = 1, max = 60 },
    partialResultCallback = { "url", code = 11100 },
    partialResultCallbackMethod = { "method", default = "POST", code = 13329 },
    profanityFilter = { "boolean", default = true, code = 13333 },
    speechModel = { "text", default = "default", max = 100, code = 13334 },
    speechTimeout = { "integer", min = 1, max = 3600, word = "auto", code = 13327 },
    debug = { "boolean", unsupported = true },
  },
  children = "sounds",
  child_code = 13320,
  child_codes = { [13420] = 13325, [13510] = 13322, [13511] = VOICE },
}

local function check_hints(node, report)
  local count = 0
  for hint in (node.attrs.hints or ""):gmatch("[^,]+") do
    count = count + 1
    if count > HINTS or (utf8.len(hint) or #hint) > HINT then
      report(13330, node, ("hints: at most %d, each of at most %d characters"):format(HINTS, HINT))
      node.attrs.hints = nil
      return
    end
  end
end

function gather.check(node, report)
  check_hints(node, report)
  for _, child in ipairs(node.children) do
    if child.name == "Play" and child.attrs.digits then
      report(13320, child, "<Play digits> cannot be in a <Gather>")
      child.fault = { code = 13320, message = "digits in a Gather" }
      child.attrs.digits = nil
    end
  end
end

local function prompts(session, node)
  local list = {}
  for _, child in ipairs(node.children) do
    local source = session:source(child)
    if source and source.voice then source.voice_code = VOICE end
    list[#list + 1] = source
  end
  return #list > 0 and list or nil
end

-- Where partial results go: a function that sends one, each after the one before was answered.
local function partial(session, attrs)
  local target = session:callback_url(attrs.partialResultCallback)
  if not target then return nil end
  local call = session.call
  local queue = callback.queue(session.env, call.sid)
  return function(text, number)
    local list = params.standard(call, session.config)
    list[#list + 1] = { "UnstableSpeechResult", text }
    list[#list + 1] = { "SequenceNumber", number - 1 }
    queue:push { url = target, method = attrs.partialResultCallbackMethod, params = list,
      jar = call.jar, what = "partial result" }
  end
end

local function add_speech(options, session, attrs)
  options.input = table.concat(attrs.input, " ")
  options.speech_timeout, options.max_speech = attrs.speechTimeout, attrs.maxSpeechTime
  options.language, options.hints = attrs.language, attrs.hints
  options.model, options.enhanced = attrs.speechModel, attrs.enhanced
  options.profanity_filter, options.barge_in = attrs.profanityFilter, attrs.bargeIn
  options.partial = attrs.partialResultCallback and partial(session, attrs)
end

local function result(got, why, detail)
  if why == "speech" then return { SpeechResult = got, Confidence = detail } end
  local digits = got or detail
  return { Digits = digits ~= "" and digits or nil }
end

function gather.run(session, node)
  local a = node.attrs
  local options = {
    play = prompts(session, node), timeout = a.timeout ~= "auto" and a.timeout or nil,
    digits = a.numDigits, finish_on_key = a.finishOnKey,
  }
  if #a.input > 1 or a.input[1] == "speech" then add_speech(options, session, a) end
  local got, why, detail = session.call:gather(options)
  if why == "hangup" then return end
  local found = result(got, why, detail)
  if not next(found) and not a.actionOnEmptyResult then return end
  return session:fetch(a.action or "", found, a.method)
end

return gather

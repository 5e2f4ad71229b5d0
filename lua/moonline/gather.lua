-- Leg:gather: keys or speech, while something plays and for a while after it.

local known = require "moonline.options"
local recogniser = require "moonline.recogniser"
local source = require "moonline.source"
local task = require "moonline.core.task"
local utterance = require "moonline.utterance"

local PLAY, OWN = 13420, 13325 -- what cannot be played has a number of its own in Gather
local NO_SPEECH = 13326
local TIMEOUT = 5 -- seconds
local PAUSE = 1 -- seconds of silence that end what was said, when we may judge (speech_timeout auto)
local SPEECH_MOST = 60 -- seconds
local INPUTS = { dtmf = true, speech = true, ["dtmf speech"] = true, ["speech dtmf"] = true }

local GATHER <const> = known.of("gather", "play", "say", "input", "timeout", "digits",
  "finish_on_key", "type_ahead", "barge_in", "speech_timeout", "max_speech", "partial", "language",
  "hints", "model", "enhanced", "profanity_filter")

---@class moonline.GatherOptions: moonline.Hearing
---@field play any what Leg:play plays, a list of it too
---@field say string?
---@field input "dtmf"|"speech"|"dtmf speech"|nil keys unless it says otherwise
---@field timeout number? seconds, 5
---@field digits integer? so many keys are enough
---@field finish_on_key string? "#"; "" for none; of several each one ends it
---@field type_ahead boolean? keys pressed before it began count
---@field barge_in boolean? false: what is said does not stop the prompt, and is not heard in it
---@field speech_timeout number|"auto"|nil seconds of silence that end what is said; else timeout
---@field max_speech number? seconds, 60
---@field partial (fun(text: string, number: integer))? what is understood so far, once a second

---What a gather is at: the keys so far, and who listens.
---@class moonline.Gathering
---@field leg moonline.Leg
---@field options table
---@field kinds string[] events of input
---@field breaks string[] those that stop the prompt
---@field got string
---@field why string?
---@field listener moonline.Utterance?

-- The events that are input.
local function wants(self, input)
  local speech = input:find("speech", 1, true) ~= nil
  if speech and not recogniser.is_there(self.env) then
    self:warn(NO_SPEECH, "speech.recogniser is not configured: only keys are taken")
    return { "digit" }
  end
  local kinds = {}
  if not speech or input:find("dtmf", 1, true) then kinds[1] = "digit" end
  if speech then kinds[#kinds + 1] = "voice" end
  return kinds
end

local function listen(state)
  local options = state.options
  if state.listener or state.kinds[#state.kinds] ~= "voice" then return end
  local silence = options.speech_timeout or options.timeout or TIMEOUT
  state.listener = utterance.listen(state.leg, {
    silence = silence == "auto" and PAUSE or silence, max = options.max_speech or SPEECH_MOST,
    hearing = options, partial = options.partial,
  })
end

-- Plays what there is to play: the input that cut it short.
local function prompt(state)
  local self, options = state.leg, state.options
  for _, item in ipairs(source.list(options.play or options.say and { say = options.say })) do
    local low, code, message = source.prepare(self, item)
    if not low then self:warn(code == PLAY and OWN or code, message) end
    local event = low and self:play_low(low, state.breaks, OWN)
    if event then return event end
  end
  return nil
end

-- Is that key the last one?
local function take(state, key)
  if state.finish ~= "" and state.finish:find(key, 1, true) then
    state.why = "finished"
    return true
  end
  state.got = state.got .. key
  return state.max and #state.got >= state.max
end

local function keys(state, event)
  if state.listener then state.listener:close() end
  while event do
    if take(state, event.digit) then return state.got end
    event = state.leg:wait({ "digit" }, state.timeout)
  end
  state.why = "timeout"
  return nil
end

local function speech(state)
  local words = state.listener:read()
  state.why = words and words.text ~= "" and "speech" or "no-match"
  if state.why == "no-match" then return nil end
  state.confidence = words.confidence
  return words.text
end

local function collect(state)
  local _ <close> = setmetatable({}, { __close = function()
    if state.listener then state.listener:close() end
  end })
  if state.options.barge_in ~= false then listen(state) end
  local event = prompt(state)
  if not event then
    listen(state)
    event = state.leg:wait(state.kinds, state.timeout)
  end
  if event and event.kind == "voice" then return speech(state) end
  return keys(state, event)
end

---Collects keys, or what is said, whichever begins first; that stops the prompt. For keys the time
---runs from the prompt's end, or from the last key.
---@param options moonline.GatherOptions
---@return string? got digits, or the words; nil when time ran out or the leg ended
---@return "finished"|"timeout"|"speech"|"no-match"|"hangup"|nil why
---@return string|number|nil detail the keys pressed, also then; of speech the confidence, 0 to 1
local function gather(self, options)
  options = GATHER(options)
  local input = options.input or "dtmf"
  if not INPUTS[input] then error("gather: input is dtmf, speech, or both", 2) end
  self:ready()
  if not options.type_ahead then self.box:drop("digit") end
  local kinds = wants(self, input)
  local state = {
    leg = self, options = options, kinds = kinds,
    breaks = options.barge_in ~= false and kinds or kinds[1] == "digit" and { "digit" } or {},
    got = "", finish = options.finish_on_key or "#", max = options.digits,
    timeout = options.timeout or TIMEOUT,
  }
  local ok, value = task.catch(collect, state)
  if ok and state.why == "speech" then return value, "speech", state.confidence end
  if ok then return value, state.why, state.got end
  if type(value) == "table" and value.kind == "hangup" and value.leg == self then
    return nil, "hangup", state.got
  end
  return task.unwind(value)
end

return gather

-- What is played to a leg: methods of moonline.Leg.

local options = require "moonline.options"
local source = require "moonline.source"

local CANNOT_PLAY = 13420

local PLAY <const> = options.of("play", "loop")
local SAY <const> = options.of("say", "language", "voice", "loop")
local SOUND <const> = options.of("play: a sound", "file", "url", "say", "tone", "seconds", "digits",
  "silence", "loop", "language", "voice", "markup", "base", "voice_code")

---@class moonline.Leg
local Leg = {}

-- Plays one prepared item to its end, or until an event of `kinds` comes: that event. code is the
-- number of the warning when it cannot be played.
function Leg:play_low(low, kinds, code)
  local op, why, text = self.core:play(low)
  if not op then
    self:warn(code or CANNOT_PLAY, "nothing is played: " .. (text or why))
    return nil
  end
  self.env.notify { kind = "play", call = self.sid, said = low.said, digits = low.digits,
    tone = low.tone, silence = low.silence, prompt = low.said and low.file,
    file = not low.said and (low.origin or low.file) or nil }
  local wanted = { "played" }
  for _, kind in ipairs(kinds or {}) do wanted[#wanted + 1] = kind end
  while true do
    local event = self:wait(wanted)
    if event.kind ~= "played" then
      self.core:stop()
      return event
    elseif event.op == op then
      if event.why == "failed" then
        self:warn(code or CANNOT_PLAY, source.problem(low, event.text))
      end
      return nil
    end
  end
end

---Plays a source to its end. Answers a ringing call.
---@param given string|table path or URL; { file | url | say | tone | digits | silence, loop }; a list
---@param given_options { loop: integer? }?
function Leg:play(given, given_options)
  local rounds, sounds = PLAY(given_options).loop or 1, source.list(given)
  for _, item in ipairs(sounds) do
    if type(item) == "table" then SOUND(item) end
  end
  self:ready()
  for _ = 1, rounds do
    for _, item in ipairs(sounds) do
      local low, code, message = source.prepare(self, item)
      self:check()
      if low then self:play_low(low) else self:warn(code, message) end
    end
  end
end

---Speaks a text.
---@param text string
---@param given { language: string?, voice: string?, loop: integer? }?
function Leg:say(text, given)
  given = SAY(given)
  self:play { say = text, language = given.language, voice = given.voice, loop = given.loop }
end

---Sends keys: 0-9 A-D # * w W.
---@param digits string
function Leg:send_digits(digits)
  self:play { digits = digits }
end

return Leg

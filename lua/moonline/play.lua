-- What is played to a leg: methods of moonline.Leg.

local source = require "moonline.source"

local CANNOT_PLAY = 13420

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
---@param options { loop: integer? }?
function Leg:play(given, options)
  self:ready()
  for _ = 1, options and options.loop or 1 do
    for _, item in ipairs(source.list(given)) do
      local low, code, message = source.prepare(self, item)
      self:check()
      if low then self:play_low(low) else self:warn(code, message) end
    end
  end
end

---Speaks a text.
---@param text string
---@param options { language: string?, voice: string?, loop: integer? }?
function Leg:say(text, options)
  options = options or {}
  self:play { say = text, language = options.language, voice = options.voice, loop = options.loop }
end

---Sends keys: 0-9 A-D # * w W.
---@param digits string
function Leg:send_digits(digits)
  self:play { digits = digits }
end

return Leg

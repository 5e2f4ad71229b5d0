-- What somebody says, once: a recorder waits for a voice and for the silence after it, and the
-- recogniser reads what is between.

local crypto = require "moonline.core.crypto"
local meanwhile = require "moonline.meanwhile"
local recogniser = require "moonline.recogniser"
local task = require "moonline.core.task"

---@class moonline.Utterance
---@field leg moonline.Leg
local Utterance = {}
Utterance.__index = Utterance
Utterance.__name = "moonline.Utterance"

local utterance = {}

local PART = 1 -- seconds between two looks at what was said so far

-- One partial result at a time, in order; what comes after the end is nobody's business.
local function look(self)
  local words = recogniser.ask(self.leg, self.path, self.hearing, false)
  self.looking = false
  if self.closed or not words or words.text == "" or words.text == self.last then return end
  self.last, self.parts = words.text, self.parts + 1
  self.partial(words.text, self.parts)
end

-- Is that the end of the recording? One that failed is told.
local function is_over(self, event)
  if not event or event.recorder ~= self.recorder then return false end
  if event.why == "failed" then
    self.leg:warn(12400, "what is said cannot be kept: " .. event.text)
  end
  return true
end

---Waits until the one who began to speak has ended, then for his words.
---@return { text: string, confidence: number? }? words
function Utterance:read()
  local leg, event = self.leg
  repeat
    event = leg:wait({ "recorded" }, self.partial and PART)
    if not event and not self.looking then
      self.looking = true
      task.spawn(look, self):name("partial result of " .. leg.sid)
    end
  until is_over(self, event)
  self.done, self.closed = true, true
  if event.why == "failed" then return nil end
  local words, code, message =
    meanwhile(leg, recogniser.ask, leg, self.path, self.hearing, true)
  if not words then return leg:warn(code, "nothing is recognised: " .. message) end
  return words
end

---Ends it, whatever it has come to.
function Utterance:close()
  if self.released then return end
  self.released, self.closed = true, true
  local box = self.leg.box
  self.recorder:stop()
  while not self.done do
    local event = box:wait({ "recorded" }, 5)
    self.done = event == nil or is_over(self, event)
  end
  box:drop "voice"
  self.recorder:close()
  os.remove(self.path)
end

Utterance.__close = Utterance.close

---Begins to listen: the leg's event "voice" says that somebody speaks. nil with a warning when
---that cannot be done.
---@param leg moonline.Leg
---@param options { silence: number, max: number, hearing: moonline.Hearing, partial: (fun(text: string, number: integer))? }
---@return moonline.Utterance?
function utterance.listen(leg, options)
  local path = ("%s/utterance-%s.wav"):format(leg.env.media_folder, crypto.random_hex(8))
  local recorder, why, text = leg.env.media:record {
    path = path, left = leg.core, silence = options.silence, max = options.max, utterance = true,
    box = leg.box,
  }
  if not recorder then
    leg:warn(12400, "nobody listens: " .. (text or why))
    return nil
  end
  return setmetatable({
    leg = leg, recorder = recorder, path = path, hearing = options.hearing,
    partial = options.partial, parts = 0,
  }, Utterance)
end

return utterance

-- What the synthesizer makes of speech markup: values it takes as they are, values it knows by another
-- name, and what it cannot do, which is told.

local types = require "moonline.twiml.types"

local speech = {}

local LONGEST_BREAK = 10 -- seconds

local function enum(...)
  local spec = { values = { ... } }
  return function(text)
    local value, allowed = types.enum(text, spec)
    return value, not value and "must be " .. allowed or nil
  end
end

-- One of some words, or a number in this form.
local function words_or(pattern, example, ...)
  local word = enum(...)
  return function(text)
    if text:match(pattern) then return text end
    local value, problem = word(text)
    return value, problem and ("%s, or such as %s"):format(problem, example)
  end
end

local function duration(text)
  local number, unit = text:match("^%+?(%d*%.?%d+)(m?s)$")
  local seconds = tonumber(number) and tonumber(number) / (unit == "ms" and 1000 or 1)
  if not seconds then return nil, "must be a time such as 500ms or 2s" end
  if seconds <= LONGEST_BREAK then return text end
  return LONGEST_BREAK .. "s", ("is more than %d s; it is shortened"):format(LONGEST_BREAK)
end

local function language(text)
  local value, allowed = types.language(text)
  return value, not value and "must be " .. allowed or nil
end

-- interpret-as -> the synthesizer's word for it; "" for what is read like any text.
local READINGS = {
  characters = "characters", ["spell-out"] = "characters", digits = "tts:digits",
  telephone = "telephone", cardinal = "", number = "",
}
local PLAIN = enum("ordinal", "fraction", "unit", "date", "time", "address", "expletive",
  "interjection")

local function reading(text)
  if READINGS[text] == "" then return nil end
  if READINGS[text] then return READINGS[text] end
  if PLAIN(text) then return nil, "is read as plain text by this synthesizer" end
  return nil, "is not known; the text is read as it is"
end

local function alphabet(text)
  if text ~= "ipa" and text ~= "x-sampa" then return nil, "must be ipa or x-sampa" end
  return nil, "cannot be pronounced by this synthesizer; the text is read as it is written"
end

local function any(text)
  return text
end

local function nothing()
  return nil
end

local VALUES = {
  ["break"] = {
    strength = enum("none", "x-weak", "weak", "medium", "strong", "x-strong"), time = duration,
  },
  emphasis = { level = enum("strong", "moderate", "none", "reduced") },
  lang = { ["xml:lang"] = language },
  phoneme = { alphabet = alphabet, ph = nothing },
  prosody = {
    rate = words_or("^%d+%.?%d*%%$", "80%", "x-slow", "slow", "medium", "fast", "x-fast",
      "default"),
    pitch = words_or("^[+-]?%d+%.?%d*%%$", "+10%", "x-low", "low", "medium", "high", "x-high",
      "default"),
    volume = words_or("^[+-]%d+%.?%d*dB$", "+6dB", "silent", "x-soft", "soft", "medium", "loud",
      "x-loud", "default"),
  },
  ["say-as"] = { ["interpret-as"] = reading, format = nothing },
  sub = { alias = any },
  w = {
    role = function() return nil, "has no effect on this synthesizer" end,
  },
}

-- Elements that the synthesizer calls otherwise.
local NAMES = { lang = "voice" }

---@param name string an element of TwiML's speech markup
---@return string
function speech.element(name)
  return NAMES[name] or name
end

---One attribute for the synthesizer.
---@param element string
---@param attribute string one that TwiML has there
---@param text string
---@return string? value nil: it is left out
---@return string? problem what has to be told
function speech.value(element, attribute, text)
  local check = VALUES[element] and VALUES[element][attribute] or any
  return check(text)
end

return speech

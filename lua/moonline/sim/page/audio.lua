-- What a party heard, as a player with a waveform.

local crypto = require "moonline.core.crypto"
local markup = require "moonline.sim.page.markup"

local audio = {}

local HEADER <const>, SAMPLE <const>, RATE <const> = 44, 2, 8000 -- of our WAV files
local BARS <const> = 240 -- of a waveform
local LOOKS <const> = 400 -- samples that are looked at for each of them, at most

local FIGURE <const> = [[
<figure class="heard"><figcaption><b>%s</b> heard <span>%.1f s%s</span></figcaption>
<div class="wave">%s</div>
<audio controls="" preload="metadata" aria-label="what %s heard" src="data:%s;base64,%s"></audio>
</figure>]]

local WAVE <const> = [[
<svg viewBox="0 0 %d 60" preserveAspectRatio="none" aria-hidden="true"><path d="%s"/>
<path class="played" d="%s"/></svg>]]

---The loudest sample of each part of a WAV file of ours, 0 to 1, and its length in seconds.
---@param wav string
---@return number[] peaks
---@return number seconds
function audio.peaks(wav)
  local count = (#wav - HEADER) // SAMPLE
  local peaks, part = {}, math.max(1, count // BARS)
  local step = math.max(1, part // LOOKS)
  for i = 1, math.min(BARS, count) do
    local loudest = 0
    for k = (i - 1) * part, math.min(i * part, count) - 1, step do
      local value = math.abs(("<i2"):unpack(wav, HEADER + k * SAMPLE + 1))
      if value > loudest then loudest = value end
    end
    peaks[i] = loudest / 32768
  end
  return peaks, count / RATE
end

local function waveform(peaks)
  local parts = {}
  for i, peak in ipairs(peaks) do
    local half = math.max(0.5, math.sqrt(peak) * 29) -- quiet speech shall be seen
    parts[#parts + 1] = ("M%d %.1fV%.1f"):format(2 * i - 1, 30 - half, 30 + half)
  end
  local path = table.concat(parts)
  return WAVE:format(2 * #peaks, path, path)
end

---@class moonline.PageAudio
---@field party string
---@field wav string a WAV file of ours
---@field sound string? what is played instead, such as the same as MP3
---@field type string? of sound
---@field at number? seconds into the call at which it begins

---@param list moonline.PageAudio[]
---@return string
function audio.of(list)
  local parts = {}
  for i, one in ipairs(list) do
    local peaks, seconds = audio.peaks(one.wav)
    local name = markup.escape(one.party)
    local from = one.at and (" · from %.1f s"):format(one.at) or ""
    parts[i] = FIGURE:format(name, seconds, from, waveform(peaks), name, one.type or "audio/wav",
      crypto.base64(one.sound or one.wav))
  end
  return table.concat(parts, "\n")
end

return audio

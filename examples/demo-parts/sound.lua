-- What is in a WAV file: how long it is, how loud, and whether a tone sounds in it.
local sound = {}

local WINDOW = 0.05 -- seconds that are looked at together

---The samples of a RIFF WAV file of 16 bit, first channel; nil and why when it is none.
---@param path string
---@return { rate: integer, channels: integer, seconds: number, [integer]: integer }? samples
---@return string? why
function sound.read(path)
  local file <close>, why = io.open(path, "rb")
  if not file then return nil, why end
  local bytes = file:read "a"
  if bytes:sub(1, 4) ~= "RIFF" or bytes:sub(9, 12) ~= "WAVE" then return nil, "not RIFF WAV" end
  local samples, place = nil, 13
  while place + 7 <= #bytes do
    local name, size = ("<c4I4"):unpack(bytes, place)
    if name == "fmt " then
      local format, channels, rate, _, _, bits = ("<I2I2I4I4I2I2"):unpack(bytes, place + 8)
      if format ~= 1 or bits ~= 16 then return nil, "not PCM of 16 bit" end
      samples = { channels = channels, rate = rate }
    elseif name == "data" and samples then
      local step = 2 * samples.channels
      for at = place + 8, math.min(place + 7 + size, #bytes) - step + 1, step do
        samples[#samples + 1] = ("<i2"):unpack(bytes, at)
      end
    end
    place = place + 8 + size + size % 2
  end
  if not samples then return nil, "no audio in it" end
  samples.seconds = #samples / samples.rate
  return samples
end

-- How much of a window's energy is at this frequency, 0 to 1 (Goertzel); 0 in silence.
local function share(samples, first, last, frequency)
  local turn = 2 * math.cos(2 * math.pi * frequency / samples.rate)
  local one, two, energy = 0, 0, 0
  for i = first, last do
    one, two = samples[i] + turn * one - two, one
    energy = energy + samples[i] ^ 2
  end
  local count = last - first + 1
  if energy < count * 100 ^ 2 then return 0 end
  return 2 * (one ^ 2 + two ^ 2 - turn * one * two) / (count * energy)
end

---Seconds in which this tone is most of what is heard.
---@param samples table
---@param frequency number
---@return number
function sound.tone(samples, frequency)
  local size, found = math.floor(samples.rate * WINDOW), 0
  for first = 1, #samples - size + 1, size do
    if share(samples, first, first + size - 1, frequency) > 0.5 then found = found + 1 end
  end
  return found * WINDOW
end

---Seconds in which anything is heard.
---@param samples table
---@return number
function sound.audible(samples)
  local size, found = math.floor(samples.rate * WINDOW), 0
  for first = 1, #samples - size + 1, size do
    local energy = 0
    for i = first, first + size - 1 do energy = energy + samples[i] ^ 2 end
    if energy > size * 100 ^ 2 then found = found + 1 end
  end
  return found * WINDOW
end

return sound

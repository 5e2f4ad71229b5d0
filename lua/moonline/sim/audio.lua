-- Sound: WAV files read, and what is in their samples. Samples are 16 bit at 8 kHz, times are seconds.

local audio = {}

local RATE <const> = 8000
local WINDOW <const> = 160 -- samples: 20 ms
local LOUD <const> = 100 -- root mean square from which a window counts as sound
local CHUNK <const> = 100 -- samples unpacked at once

-- ---- files ------------------------------------------------------------------------------------

local function read_chunk(bytes, wanted)
  local at = 13
  while at + 7 <= #bytes do
    local name, size = string.unpack("<c4I4", bytes, at)
    if name == wanted then return at + 8, size end
    at = at + 8 + size + size % 2
  end
  error("no chunk " .. wanted)
end

local function unpack_samples(bytes, at, count)
  local all, many = {}, "<" .. ("i2"):rep(CHUNK)
  while count - #all >= CHUNK do
    local piece = { string.unpack(many, bytes, at) }
    table.move(piece, 1, CHUNK, #all + 1, all)
    at = at + 2 * CHUNK
  end
  while #all < count do
    all[#all + 1] = string.unpack("<i2", bytes, at)
    at = at + 2
  end
  return all
end

---Reads the bytes of a WAV file of 16 bit PCM: { rate, channels, seconds, [1], [2] } with one list of
---samples a channel. Raises when the header does not say what is there.
function audio.parse(bytes)
  local riff, size, wave = string.unpack("<c4I4c4", bytes)
  assert(riff == "RIFF" and wave == "WAVE", "no WAV file")
  local format = read_chunk(bytes, "fmt ")
  local kind, channels, rate, _, _, bits = string.unpack("<I2I2I4I4I2I2", bytes, format)
  assert(kind == 1 and bits == 16, "not PCM of 16 bit")
  local at, length = read_chunk(bytes, "data")
  assert(at - 1 + length <= #bytes, "the header promises more than is there")
  local flat = unpack_samples(bytes, at, length // 2)
  local wav = { rate = rate, channels = channels, size = size, [1] = flat }
  if channels == 2 then
    wav[1], wav[2] = {}, {}
    for i = 1, #flat, 2 do
      wav[1][#wav[1] + 1], wav[2][#wav[2] + 1] = flat[i], flat[i + 1]
    end
  end
  wav.seconds = #wav[1] / rate
  return wav
end

function audio.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return audio.parse(file:read("a"))
end

-- ---- rates ------------------------------------------------------------------------------------

local LOBES <const> = 12 -- of the filter on each side
local PASS <const> = 0.92 -- of half the lower rate is kept

local STEPS <const> = 256 -- of the filter's table from one zero to the next

-- Half of a sinc in a window.
local filter = { [0] = 1 }
for i = 1, LOBES * STEPS do
  local angle = math.pi * i / STEPS
  filter[i] = math.sin(angle) / angle * (0.5 + 0.5 * math.cos(angle / LOBES))
end

---Samples of another rate as they are at 8 kHz.
---@param samples number[]
---@param rate integer
---@return number[]
function audio.at_8khz(samples, rate)
  if rate == RATE then return samples end
  local step = rate / RATE
  local scale = PASS * math.min(1, RATE / rate) -- of the filter, in input samples
  local reach, made = math.floor(LOBES / scale), {}
  local fine = scale * STEPS
  for i = 0, math.floor(#samples / step) - 1 do
    local middle, sum = i * step, 0
    local nearest = math.floor(middle + 0.5)
    for k = math.max(0, nearest - reach), math.min(#samples - 1, nearest + reach) do
      local distance = k < middle and middle - k or k - middle
      sum = sum + samples[k + 1] * (filter[distance * fine // 1 | 0] or 0)
    end
    made[i + 1] = sum * scale
  end
  return made
end

-- ---- looking ----------------------------------------------------------------------------------

local function range(samples, from, to)
  local first = math.max(1, math.floor((from or 0) * RATE + 0.5) + 1)
  return first, math.min(#samples, to and math.floor(to * RATE + 0.5) or #samples)
end

---Amplitude of one frequency between two times (Goertzel).
function audio.amplitude(samples, hz, from, to)
  local first, last = range(samples, from, to)
  local turn, a, b = 2 * math.cos(2 * math.pi * hz / RATE), 0, 0
  for i = first, last do a, b = samples[i] + turn * a - b, a end
  if last < first then return 0 end
  return 2 * math.sqrt(math.abs(a * a + b * b - turn * a * b)) / (last - first + 1)
end

---Root mean square between two times.
function audio.level(samples, from, to)
  local first, last = range(samples, from, to)
  local sum = 0
  for i = first, last do sum = sum + samples[i] * samples[i] end
  return last < first and 0 or math.sqrt(sum / (last - first + 1))
end

local function spans(samples, is_on)
  local found, open = {}, nil
  for at = 0, #samples - WINDOW, WINDOW do
    local from, to = at / RATE, (at + WINDOW) / RATE
    if not is_on(from, to) then
      open = nil
    elseif open then
      open.to = to
    else
      open = { from = from, to = to }
      found[#found + 1] = open
    end
  end
  return found
end

---Where there is sound, to 20 ms: { { from, to }, ... }.
function audio.sounds(samples)
  return spans(samples, function(from, to) return audio.level(samples, from, to) >= LOUD end)
end

---Where a tone (or all tones of a list) stands out of what else sounds, to 20 ms.
function audio.tones(samples, hz)
  local list = type(hz) == "table" and hz or { hz }
  return spans(samples, function(from, to)
    local level = audio.level(samples, from, to)
    if level < LOUD then return false end
    local power = 0
    for _, one in ipairs(list) do
      local part = audio.amplitude(samples, one, from, to) ^ 2 / 2
      if part < level * level / #list / 4 then return false end
      power = power + part
    end
    return power > 0.6 * level * level
  end)
end

---Seconds in which spans of a list lie.
function audio.total(list)
  local sum = 0
  for _, one in ipairs(list) do sum = sum + one.to - one.from end
  return sum
end

---How much louder what was sent is than its difference to what was heard `delay` later, in dB.
function audio.likeness(sent, heard, delay)
  local shift = math.floor(delay * RATE + 0.5)
  local signal, noise = 0, 0
  for i = 1, #sent do
    local difference = sent[i] - (heard[i + shift] or 0)
    signal, noise = signal + sent[i] * sent[i], noise + difference * difference
  end
  return 10 * math.log(signal / math.max(noise, 1), 10)
end

return audio

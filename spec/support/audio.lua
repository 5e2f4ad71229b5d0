-- Sound in specs: moonline.sim.audio, and WAV files written, tones made, and ears for phones that keep
-- what they hear.
local task = require "moonline.core.task"

local audio = setmetatable({}, { __index = require "moonline.sim.audio" })

local RATE <const> = 8000
local CHUNK <const> = 100 -- samples packed at once

---Bytes of a WAV file, mono, 8 kHz.
function audio.wav(samples)
  local parts = {}
  for at = 1, #samples, CHUNK do
    local last = math.min(at + CHUNK - 1, #samples)
    parts[#parts + 1] =
      string.pack("<" .. ("i2"):rep(last - at + 1), table.unpack(samples, at, last))
  end
  local data = table.concat(parts)
  return string.pack("<c4I4c4c4I4I2I2I4I4I2I2c4I4", "RIFF", 36 + #data, "WAVE", "fmt ", 16, 1, 1,
    RATE, 2 * RATE, 2, 16, "data", #data) .. data
end

function audio.write(path, samples)
  local file <close> = assert(io.open(path, "wb"))
  file:write(audio.wav(samples))
end

-- ---- making -----------------------------------------------------------------------------------

---Samples of sines one after another: { { hz, seconds }, ... }, 0 Hz is silence.
function audio.sines(steps, amplitude)
  local samples = {}
  for _, step in ipairs(steps) do
    for i = 0, math.floor(step[2] * RATE + 0.5) - 1 do
      local value = (amplitude or 8000) * math.sin(2 * math.pi * step[1] * i / RATE)
      samples[#samples + 1] = math.floor(value + 0.5)
    end
  end
  return samples
end

local function ulaw_byte(sample)
  local sign = sample < 0 and 0x80 or 0
  local value = math.min(math.abs(sample), 32635) + 0x84
  local segment = 7
  while segment > 0 and value < 0x84 << segment do segment = segment - 1 end
  return ~(sign | segment << 4 | (value >> (segment + 3)) & 15) & 0xff
end

---Samples as PCMU.
function audio.ulaw(samples)
  local bytes = {}
  for i, sample in ipairs(samples) do bytes[i] = string.char(ulaw_byte(sample)) end
  return table.concat(bytes)
end

---PCMU as samples.
function audio.from_ulaw(bytes)
  local samples = {}
  for i = 1, #bytes do
    local byte = ~bytes:byte(i) & 0xff
    local value = (((byte & 15) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    samples[i] = byte & 0x80 ~= 0 and -value or value
  end
  return samples
end

-- ---- ears -------------------------------------------------------------------------------------

local Ear = {}
Ear.__index = Ear

---Begins to keep what a phone's leg hears. `ear.begun` is the clock at its first sample.
---@param phone moonline.Phone
---@param leg moonline.Leg of that phone
function audio.listen(phone, leg)
  for _ = 1, 100 do -- the socket of a call that begins is there once its INVITE is
    if leg.core:stats() then break end
    task.sleep(0.001)
  end
  local self = setmetatable({ path = os.tmpname(), box = task.mailbox() }, Ear)
  self.recorder =
    assert(phone.env.media:record { path = self.path, left = leg.core, box = self.box })
  self.begun = task.clock()
  return self
end

---What was heard, as read by audio.read.
function Ear:stop()
  if self.heard then return self.heard end
  self.recorder:stop()
  local event = assert(self.box:wait({ "recorded" }, 10), "the ear's file is not finished")
  self.recorder:close()
  assert(event.why == "stopped", event.text)
  self.heard = audio.read(self.path)
  os.remove(self.path)
  return self.heard
end

Ear.__close = function(self)
  if not self.heard then
    self.recorder:close()
    os.remove(self.path)
  end
end

return audio

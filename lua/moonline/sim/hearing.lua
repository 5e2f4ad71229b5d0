-- What a party of a simulation heard: tones, silence, and speech, which is known by the samples of the
-- prompt that was synthesised.

local audio = require "moonline.sim.audio"
local task = require "moonline.task"

local hearing = {}

local RATE <const> = 8000
local FRAME <const> = 160 -- samples: 20 ms
local OPENING <const> = 20 -- frames of a prompt that must be heard; the whole of a shorter one
local CANDIDATES <const> = 12 -- places that are looked at closely
local MISSES <const> = 2 -- frames that may be unlike where two sounds meet
local LIKENESS <const> = 12 -- dB from which it is the same sound
local QUIET <const> = 100 -- root mean square up to which a frame is silence
local LANGUAGE <const> = "en-US" -- of who does not say

---The samples of a file; of none: none.
---@param path string
---@return number[]
function hearing.read(path)
  local fine, wav = pcall(audio.read, path)
  return fine and audio.at_8khz(wav[1], wav.rate) or {}
end

---The samples that an ear kept.
---@param ear moonline.Ear
---@return number[]
function hearing.samples(ear)
  ear.samples = ear.samples or hearing.read(ear.path)
  return ear.samples
end

-- Loudness of each frame.
local function envelope(samples)
  local list = {}
  for first = 1, #samples - FRAME + 1, FRAME do
    local sum = 0
    for i = first, first + FRAME - 1 do sum = sum + math.abs(samples[i]) end
    list[#list + 1] = sum / FRAME
  end
  return list
end

-- How unlike two stretches of loudness are, 0 for the same.
local function difference(one, other, at, count)
  local sum, whole = 0, 1
  for i = 1, count do
    sum = sum + math.abs(one[i] - (other[at + i] or 0))
    whole = whole + one[i]
  end
  return sum / whole
end

-- Frames of `heard` after which `prompt` may begin, the likeliest first.
local function candidates(prompt, heard, count)
  local list = {}
  for at = -1, #heard - 1 do
    list[#list + 1] = { at = at, unlike = difference(prompt, heard, at, count) }
  end
  table.sort(list, function(a, b)
    return a.unlike < b.unlike or a.unlike == b.unlike and a.at < b.at
  end)
  return list
end

-- Where the loudest frame of a prompt's opening begins.
local function loudest(frames, count)
  local best = 1
  for i = 2, count do best = frames[i] > frames[best] and i or best end
  return (best - 1) * FRAME
end

-- Difference of one loud frame at each shift: the best shift.
local function align(prompt, heard, around, frame)
  local best, least
  for shift = around - FRAME, around + FRAME do
    local sum = 0
    for i = frame + 1, frame + FRAME do
      sum = sum + math.abs(prompt[i] - (heard[i + shift] or 0))
      if least and sum >= least then break end
    end
    if not least or sum < least then best, least = shift, sum end
  end
  return best
end

-- Energy of a frame of the prompt, of its difference to what was heard, and of that.
local function energies(prompt, heard, first, shift)
  local signal, noise, other = 0, 1, 0
  for i = first, math.min(first + FRAME - 1, #prompt) do
    local value = heard[i + shift] or 0
    signal, noise = signal + prompt[i] ^ 2, noise + (prompt[i] - value) ^ 2
    other = other + value ^ 2
  end
  return signal, noise, other
end

local SILENCE <const> = FRAME * QUIET ^ 2 -- energy of a frame up to which it is quiet

-- Frames of the prompt that were heard from its beginning on; is it quiet where it breaks off? If not,
-- it was another that begins alike.
local function followed(prompt, heard, shift)
  local frames, misses, is_quiet = 0, 0, true
  for first = 1, #prompt, FRAME do
    local signal, noise, other = energies(prompt, heard, first, shift)
    local is_same = signal < SILENCE and noise < SILENCE
      or 10 * math.log(signal / noise, 10) >= LIKENESS
    if is_same then
      frames, misses, is_quiet = first // FRAME + 1, 0, true
    else
      misses = misses + 1 -- the first may hold the end of what is alike
      is_quiet = is_quiet and (misses == 1 or other < SILENCE)
    end
    if misses > MISSES then break end
  end
  return frames, is_quiet
end

-- Samples without the silence before them.
local function from_sound(samples)
  local first = 1
  while samples[first] and math.abs(samples[first]) < QUIET do first = first + 1 end
  return table.move(samples, first, #samples, 1, {})
end

---Where most of a prompt is heard: its begin and how long it is followed, in seconds; nil when it is not.
---@param prompt number[]
---@param heard number[]
---@return { at: number, seconds: number, whole: boolean, quiet: boolean }? found whole: to its end; quiet:
---  nothing is heard where it breaks off
function hearing.find(prompt, heard)
  prompt = from_sound(prompt)
  local frames, there = envelope(prompt), envelope(heard)
  local count = math.min(OPENING, #frames)
  if count == 0 then return nil end
  local frame, best, most = loudest(frames, count), nil, 0
  for i, candidate in ipairs(candidates(frames, there, count)) do
    if i > CANDIDATES then break end
    local shift = align(prompt, heard, candidate.at * FRAME, frame)
    local found, is_quiet = followed(prompt, heard, shift)
    if found >= count and found > most then
      most, best = found, { at = shift / RATE, seconds = found * FRAME / RATE,
        whole = found >= #frames - 1, quiet = is_quiet }
    end
  end
  return best
end

---The samples of a text as it is spoken.
---@param env moonline.Env
---@param text string
---@param options { language: string?, voice: string? }
---@return number[]? samples, string? why
function hearing.prompt(env, text, options)
  local box = task.mailbox()
  env.speech:say(text, { language = options.language or LANGUAGE, voice = options.voice }, box)
  local event = box:wait "spoken"
  if not event.path then return nil, event.text end
  return hearing.read(event.path)
end

---Seconds of a tone, or of several at once, that are heard.
---@param samples number[]
---@param hz number[]
---@return number seconds
---@return number? at where it begins
function hearing.tone(samples, hz)
  local spans = audio.tones(samples, hz)
  return audio.total(spans), spans[1] and spans[1].from
end

---The longest stretch without any sound.
---@param samples number[]
---@return number seconds
---@return number at
function hearing.silence(samples)
  local ended = #samples / RATE
  local best, at, last = 0, 0, 0
  local spans = audio.sounds(samples)
  spans[#spans + 1] = { from = ended, to = ended }
  for _, span in ipairs(spans) do
    if span.from - last > best then best, at = span.from - last, last end
    last = span.to
  end
  return best, at
end

return hearing

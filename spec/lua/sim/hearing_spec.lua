-- What a party of a simulation heard: prompts told from others that begin alike, tones, silence.
local audio = require "moonline.sim.audio"
local hearing = require "moonline.sim.hearing"
local runtime = require "moonline.runtime"
local support = require "support.audio"

local function spoken(text)
  return assert(hearing.prompt(runtime.env(), text, {}))
end

local function joined(...)
  local all = {}
  for _, samples in ipairs { ... } do table.move(samples, 1, #samples, #all + 1, all) end
  return all
end

local function silence(seconds)
  return support.sines { { 0, seconds } }
end

-- As a phone gets it.
local function over_the_line(samples)
  local whole = {}
  for i, sample in ipairs(samples) do whole[i] = math.floor(sample + 0.5) end
  return support.from_ulaw(support.ulaw(whole))
end

describe("sim hearing", function()
  it("finds a prompt where it is, to its end or to where it breaks off", function()
    local kate = spoken "Press 1 for Kate."
    local heard = over_the_line(joined(silence(1.013), kate, silence(2)))
    local found = assert(hearing.find(kate, heard))
    assert.is_true(found.whole)
    assert.near(1.013, found.at, 0.2)
    local cut = joined(silence(0.5), table.move(kate, 1, 6400, 1, {}), silence(1))
    found = assert(hearing.find(kate, over_the_line(cut)))
    assert.is_false(found.whole)
    assert.is_true(found.quiet)
    assert.near(0.7, found.seconds, 0.2)
  end)

  it("does not take another one for it that begins with the same words", function()
    local heard = over_the_line(joined(spoken "Press 1 for Bob, who is here.", silence(1)))
    local found = hearing.find(spoken "Press 1 for Kate.", heard)
    assert.is_true(found == nil or not found.whole and not found.quiet)
    assert.is_nil(hearing.find(spoken "Goodbye.", heard))
    assert.is_nil(hearing.find(spoken "Goodbye.", {}))
    assert.is_nil(hearing.find({}, heard))
  end)

  it("finds the longer of two that begin alike", function()
    local heard = over_the_line(joined(spoken "Press 1 for Bob.", silence(0.5),
      spoken "Press 1 for Kate.", silence(1)))
    local found = assert(hearing.find(spoken "Press 1 for Kate.", heard))
    assert.is_true(found.whole)
    assert.is_true(found.at > 1.5)
  end)

  it("measures tones and silence", function()
    local heard = support.sines { { 0, 1 }, { 440, 0.5 }, { 0, 2 }, { 1000, 0.3 } }
    assert.near(0.5, (hearing.tone(heard, { 440 })), 0.03)
    assert.near(0.3, (hearing.tone(heard, { 1000 })), 0.03)
    assert.equal(0, (hearing.tone(heard, { 700 })))
    local seconds, at = hearing.silence(heard)
    assert.near(2, seconds, 0.05)
    assert.near(1.5, at, 0.05)
  end)

  it("brings samples of any rate to 8 kHz without moving a tone", function()
    for _, rate in ipairs { 8000, 16000, 22050, 44100, 48000 } do
      local samples = {}
      for i = 0, rate - 1 do samples[i + 1] = 8000 * math.sin(2 * math.pi * 1000 * i / rate) end
      local here = audio.at_8khz(samples, rate)
      assert.near(8000, #here, 1)
      assert.near(8000, audio.amplitude(here, 1000, 0.1, 0.9), 160, rate)
      for i = 801, 7200, 13 do
        assert.near(8000 * math.sin(2 * math.pi * 1000 * (i - 1) / 8000), here[i], 200)
      end
    end
  end)
end)

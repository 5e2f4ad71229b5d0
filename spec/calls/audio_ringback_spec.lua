-- What a caller hears while the other party rings, is screened, and when it is connected.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"
local task = require "moonline.core.task"

local function stay(call)
  while true do call:wait { "digit" } end
end

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor((seconds or 0) * 1000) }
end

-- Alice calls, the document dials kate as `dial` says: what alice heard, and when kate answered on the
-- recording's clock. kate(call, mark): her part; mark() notes the time of the answer.
local function ring(dial, kate, options)
  options = options or {}
  local s <close> = stage.open(options.server)
  local answered, ear
  local phone = s:phone("kate", function(call)
    kate(call, function() answered = task.clock() end)
    stay(call)
  end)
  s.web["/voice"] = stage.twiml(('<Dial %s><Sip %s>%s</Sip></Dial>'):format(dial,
    options.sip or "", phone.address))
  for path, page in pairs(options.pages or {}) do s.web[path] = page end
  local alice = s:begin()
  ear = audio.listen(s.alice, alice)
  local codes = {}
  local limit = task.clock() + options.seconds
  while task.clock() < limit do
    local event = alice.box:wait({ "ringing", "answered" }, limit - task.clock())
    if event then
      codes[#codes + 1] = ("%d%s at %.1f"):format(event.code, event.early and " early" or "",
        task.clock() - ear.begun)
    end
  end
  local heard = ear:stop()
  local stats = alice.core:stats()
  alice:hangup()
  s:quiet()
  return heard[1], answered and answered - ear.begun, codes, stats
end

-- Rings for some seconds, then answers and is silent.
local function rings(seconds)
  return function(call, mark)
    call:ring()
    moonline.sleep(seconds)
    call:answer()
    mark()
  end
end

-- The lengths of sounds and of the pauses between them.
local function cadence(spans, upto)
  local list = {}
  for i, span in ipairs(spans) do
    if span.to > upto then break end
    list[#list + 1] = span.to - span.from
    local following = spans[i + 1]
    if following and following.to <= upto then list[#list + 1] = following.from - span.to end
  end
  return list
end

local COUNTRIES <const> = {
  us = { hz = { 440, 480 }, steps = { 2, 4, 2 } },
  uk = { hz = { 400, 450 }, steps = { 0.4, 0.2, 0.4, 2, 0.4, 0.2, 0.4 } },
  de = { hz = { 425 }, steps = { 1, 4, 1, 4 } },
  fr = { hz = { 440 }, steps = { 1.5, 3.5, 1.5 } },
  jp = { hz = { 384, 416 }, steps = { 1, 2, 1, 2 } },
  au = { hz = { 413, 438 }, steps = { 0.4, 0.2, 0.4, 2, 0.4 } },
}

local LEVEL <const> = 5108 -- amplitude of -13 dBm0, of all tones together

describe("ringback", function()
  for country, wanted in pairs(COUNTRIES) do
    it(("S8 S14b ringTone=%s has that country's tones and rhythm, and stops at the answer")
      :format(country), function()
      local heard, answered = ring(('ringTone="%s"'):format(country), rings(13), { seconds = 15 })
      local spans = audio.sounds(heard)
      local found = cadence(spans, answered)
      for i, step in ipairs(wanted.steps) do assert.near(step, found[i], 0.041) end
      local first = spans[1]
      assert.is_true(first.from < 0.1)
      for _, hz in ipairs(wanted.hz) do
        assert.near(LEVEL / math.sqrt(#wanted.hz),
          audio.amplitude(heard, hz, first.from + 0.05, first.from + 0.35), 300)
      end
      assert.near(LEVEL / math.sqrt(2),
        audio.level(heard, first.from + 0.05, first.from + 0.35), 80)
      assert.same({}, audio.sounds({ table.unpack(heard, (answered + 0.06) * 8000 // 1 | 0) }))
    end)
  end

  it("S8 S14b of the configuration is heard without ringTone", function()
    local heard = ring("", rings(5), { seconds = 6 })
    assert.near(2, audio.total(audio.tones(heard, { 440, 480 })), 0.05)
    heard = ring("", rings(5), { seconds = 6, server = { dial = { ring_tone = "de" } } })
    assert.near(1, audio.total(audio.tones(heard, 425)), 0.05)
  end)

  it("S14b begins with the 180, not before", function()
    local heard = ring("", function(call, mark)
      moonline.sleep(3)
      rings(3)(call, mark)
    end, { seconds = 7 })
    assert.near(3, audio.sounds(heard)[1].from, 0.06)
  end)

  it("S14b stops when the callee refuses", function()
    local heard = ring("", function(call)
      call:ring()
      moonline.sleep(1)
      call:reject("busy")
    end, { seconds = 3 })
    assert.near(1, audio.total(audio.sounds(heard)), 0.08)
  end)

  it("S14b is the caller's own with answerOnBridge: a 180, and no packet", function()
    local heard, answered, codes, stats = ring('answerOnBridge="true"', rings(3), { seconds = 4 })
    assert.same({}, audio.sounds(heard))
    assert.near(3, answered, 0.1)
    assert.equal("180 at 0.0", codes[1])
    assert.equal(("200 at %.1f"):format(answered), codes[#codes])
    assert.equal(0, stats.received)
  end)
end)

describe("early media", function()
  local function early(call, mark)
    call.core:ring(true)
    tone(call, 700)
    moonline.sleep(2)
    call:answer()
    mark()
    call.core:stop()
    tone(call, 900, 1)
  end

  it("S14b of the callee is heard by an answered caller in place of ringback", function()
    local heard, answered = ring("", early, { seconds = 4 })
    assert.same({}, audio.tones(heard, { 440, 480 }))
    local before, after = audio.tones(heard, 700), audio.tones(heard, 900)
    assert.equal(1, #before)
    assert.equal(1, #after)
    assert.is_true(before[1].from < 0.1)
    assert.near(answered, before[1].to, 0.05)
    assert.near(answered, after[1].from, 0.05)
    assert.near(1, after[1].to - after[1].from, 0.05)
  end)

  it("S14b comes as 183 with SDP under answerOnBridge", function()
    local heard, answered, codes = ring('answerOnBridge="true"', early, { seconds = 4 })
    assert.equal("183 early at 0.0", codes[#codes - 1])
    assert.equal(("200 at %.1f"):format(answered), codes[#codes])
    assert.near(answered, audio.tones(heard, 700)[1].to, 0.05)
    assert.near(answered, audio.tones(heard, 900)[1].from, 0.05)
  end)

  it("S14b takes over from ringback when it comes after a 180", function()
    local heard = ring("", function(call, mark)
      call:ring()
      moonline.sleep(1)
      early(call, mark)
    end, { seconds = 5 })
    assert.near(1, audio.total(audio.tones(heard, { 440, 480 })), 0.06)
    assert.near(2, audio.total(audio.tones(heard, 700)), 0.06)
  end)

  it("S14b of one who then refuses is followed by the next one's ringing", function()
    local s <close> = stage.open { dial = { several = true } }
    local kate = s:phone("kate", function(call)
      call.core:ring(true)
      tone(call, 700)
      moonline.sleep(1)
      call:reject("busy")
    end)
    local bob = s:phone("bob", rings(3))
    s.web["/voice"] = stage.twiml(('<Dial sequential="true"><Sip>%s</Sip><Sip>%s</Sip></Dial>')
      :format(kate.address, bob.address))
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    moonline.sleep(3)
    local heard = ear:stop()[1]
    assert.near(1, audio.total(audio.tones(heard, 700)), 0.06)
    assert.near(1, audio.tones(heard, { 440, 480 })[1].from, 0.1)
    alice:hangup()
    s:quiet()
  end)

  it("S14b of a callee to be screened is not relayed: ringback", function()
    local heard = ring("", early, {
      seconds = 6, sip = 'url="/screen"',
      pages = { ["/screen"] = stage.twiml '<Pause length="2"/>' },
    })
    assert.same({}, audio.tones(heard, 700))
    assert.near(2, audio.total(audio.tones(heard, { 440, 480 })), 0.1)
    assert.same({}, audio.tones(heard, 900)) -- said while she was screened
  end)
end)

describe("screening", function()
  -- Kate talks all the time at 900 Hz; the document plays 600 Hz to her.
  local function talks(call, mark)
    call:answer()
    mark()
    tone(call, 900)
  end

  local pages = {
    ["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 600, 2 } }), { ["Content-Type"] = "audio/wav" }
    end,
    ["/screen"] = stage.twiml '<Play>/tone.wav</Play><Pause length="6"/>',
  }

  it("S14 lets the caller hear ringing, and the callee not before the bridge", function()
    local heard, answered = ring("", talks, { seconds = 11, sip = 'url="/screen"', pages = pages })
    local ringing, kate = audio.tones(heard, { 440, 480 }), audio.tones(heard, 900)
    assert.equal(2, #ringing)
    assert.near(answered, ringing[1].from, 0.1)
    assert.near(6, ringing[2].from - ringing[1].from, 0.05)
    assert.same({}, audio.tones(heard, 600))
    assert.equal(1, #kate)
    assert.near(answered + 8, kate[1].from, 0.1)
    assert.is_true(kate[1].to > 10.9)
    assert.is_true(ringing[2].to <= kate[1].from + 0.02)
  end)

  it("S14 keeps the 180 pending under answerOnBridge", function()
    local heard, answered, codes =
      ring('answerOnBridge="true"', talks, { seconds = 10, sip = 'url="/screen"', pages = pages })
    assert.equal(("200 at %.1f"):format(answered + 8), codes[#codes])
    local sounds = audio.sounds(heard)
    assert.equal(1, #sounds)
    assert.near(answered + 8, sounds[1].from, 0.1)
    assert.equal(1, #audio.tones(heard, 900))
  end)
end)

describe("the bridge", function()
  it("S1 lets the callee's first word through", function()
    local path = os.tmpname()
    local sent = audio.sines { { 700, 0.2 }, { 1100, 0.2 }, { 1500, 0.4 } }
    audio.write(path, sent)
    local heard, answered = ring("", function(call, mark)
      call:ring()
      moonline.sleep(1)
      call:answer()
      mark()
      call.core:play { file = path }
    end, { seconds = 3 })
    os.remove(path)
    local first = audio.tones(heard, 700)
    assert.equal(1, #first)
    assert.near(answered, first[1].from, 0.06)
    assert.near(0.2, first[1].to - first[1].from, 0.061)
    assert.near(0.2, audio.total(audio.tones(heard, 1100)), 0.041)
    assert.near(0.4, audio.total(audio.tones(heard, 1500)), 0.041)
  end)

  it("S1 S12 is one stream of packets with what comes before and after it", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:ring()
      moonline.sleep(2)
      call:answer()
      tone(call, 900, 2)
      moonline.sleep(3)
    end)
    local wav = audio.wav(audio.sines { { 600, 1 } })
    s.web["/tone.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end
    s.web["/voice"] = stage.twiml(
      ('<Play>/tone.wav</Play><Dial action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
    s.web["/after"] = stage.twiml '<Play>/tone.wav</Play>'
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    tone(alice, 500, 20)
    s:quiet()
    local heard, stats = ear:stop()[1], alice.core:stats()
    assert.equal(2, #audio.tones(heard, 600))
    assert.near(2, audio.total(audio.tones(heard, { 440, 480 })), 0.06)
    assert.near(2, audio.total(audio.tones(heard, 900)), 0.06)
    assert.equal(1, stats.sources)
    assert.equal(0, stats.lost)
    assert.equal(0, stats.dropped)
    assert.is_true(stats.jitter <= 0.002, "jitter is " .. stats.jitter)
  end)
end)

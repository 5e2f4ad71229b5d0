-- Hold: a phone's re-INVITE is mirrored in the answer, the other side hears nothing, and then all is as
-- it was.
local audio = require "support.audio"
local moonline = require "moonline"
local rawphone = require "support.rawphone"
local stage = require "support.stage"


local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor((seconds or 0) * 1000) }
end

local function connected(s)
  local kate_leg, kate_ear
  local kate = s:phone("kate", function(call)
    call:answer()
    kate_leg, kate_ear = call, audio.listen(s.phones[1], call)
    call:wait {}
  end)
  s.web["/voice"] = stage.twiml(('<Dial action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
  s.web["/after"] = stage.twiml ""
  local alice = assert(s:call())
  local alice_ear = audio.listen(s.alice, alice)
  moonline.sleep(0.2)
  return { alice = alice, kate = kate_leg, alice_ear = alice_ear, kate_ear = kate_ear }
end

local function came(leg)
  local stats = leg.core:stats()
  return stats.received + stats.dropped
end

describe("hold", function()
  for _, way in ipairs { "sendonly", "inactive", "address" } do
    it(("S8 MED-10 by %s is silent both ways, then all is as before"):format(way), function()
      local s <close> = stage.open()
      local talk = connected(s)
      local alice, kate = talk.alice, talk.kate
      tone(kate, 600)
      tone(alice, 1000, 1)
      moonline.sleep(1)
      assert(alice.core:hold(way))
      moonline.sleep(0.2)
      local before = came(alice)
      moonline.sleep(90) -- longer than rtp.timeout
      assert.equal(before, came(alice))
      assert(alice.core:hold(false))
      moonline.sleep(0.1)
      tone(alice, 1000, 1)
      moonline.sleep(1)
      alice:hangup()
      local at_kate, at_alice = talk.kate_ear:stop()[1], talk.alice_ear:stop()[1]
      local heard = audio.tones(at_kate, 1000)
      assert.equal(2, #heard)
      assert.near(91.3, heard[2].from - heard[1].from, 0.1)
      assert.near(2, audio.total(audio.sounds(at_kate)), 0.1)
      heard = audio.tones(at_alice, 600)
      assert.equal(2, #heard)
      assert.near(90.2, heard[2].from - heard[1].to, 0.1)
      local stats = alice.core:stats()
      assert.equal(1, stats.sources)
      assert.equal(0, stats.lost)
      assert.equal("completed", s:request "/after".params.DialCallStatus)
      s:quiet()
    end)
  end

  it("S8 by sendonly lets the holder's music through", function()
    local s <close> = stage.open()
    local talk = connected(s)
    assert(talk.alice.core:hold(true))
    moonline.sleep(0.1)
    tone(talk.alice, 1200, 2)
    tone(talk.kate, 600)
    moonline.sleep(3)
    assert.near(2, audio.total(audio.tones(talk.kate_ear:stop()[1], 1200)), 0.06)
    assert.same({}, audio.sounds(talk.alice_ear:stop()[1]))
    talk.alice:hangup()
    s:quiet()
  end)

  it("S8 by both sides ends only when both are back", function()
    local s <close> = stage.open()
    local talk = connected(s)
    tone(talk.alice, 1000)
    tone(talk.kate, 600)
    assert(talk.alice.core:hold(true))
    assert(talk.kate.core:hold("inactive"))
    moonline.sleep(1)
    local alice_before, kate_before = came(talk.alice), came(talk.kate)
    moonline.sleep(1)
    assert.equal(alice_before, came(talk.alice))
    assert.equal(kate_before, came(talk.kate))
    assert(talk.alice.core:hold(false))
    moonline.sleep(1)
    assert.equal(kate_before, came(talk.kate))
    assert(talk.kate.core:hold(false))
    moonline.sleep(1)
    assert.is_true(came(talk.alice) > alice_before + 45)
    assert.is_true(came(talk.kate) > kate_before + 45)
    talk.alice:hangup()
    talk.alice_ear:stop()
    talk.kate_ear:stop()
    s:quiet()
  end)

  it("S8 of a caller who hears a prompt is silent until he is back", function()
    local s <close> = stage.open()
    local wav = audio.wav(audio.sines { { 600, 6 } })
    s.web["/long.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end
    s.web["/voice"] = stage.twiml "<Play>/long.wav</Play>"
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    moonline.sleep(1)
    assert(alice.core:hold(true))
    moonline.sleep(2)
    assert(alice.core:hold(false))
    s:quiet()
    local spans = audio.tones(ear:stop()[1], 600)
    assert.equal(2, #spans)
    assert.near(1, spans[1].to, 0.1)
    assert.near(3, spans[2].from, 0.1)
    assert.near(6, spans[2].to, 0.1) -- the prompt went on meanwhile
    assert.equal(0, alice.core:stats().lost)
  end)

  it("S8 is mirrored in the answer, whoever asks for it how", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Play loop="0">/tone.wav</Play>'
    local wav = audio.wav(audio.sines { { 600, 1 } })
    s.web["/tone.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end
    local raw <close> = rawphone.open(s:uri())
    raw:call {}
    assert.equal("sendrecv", raw:direction())
    for _, offer in ipairs {
      { direction = "sendonly", answer = "recvonly" },
      { direction = "recvonly", answer = "sendonly", hears = true },
      { direction = "inactive", answer = "inactive" },
      { direction = "sendrecv", address = "0.0.0.0", answer = "recvonly" },
      { direction = "inactive", address = "0.0.0.0", answer = "inactive" },
      { direction = "sendrecv", answer = "sendrecv", hears = true },
    } do
      assert.equal(200, raw:invite(offer).code)
      assert.equal(offer.answer, raw:direction())
      moonline.sleep(0.1)
      local before = #raw.packets
      moonline.sleep(1)
      assert.near(offer.hears and 50 or 0, #raw.packets - before, offer.hears and 2 or 0)
    end
    raw:bye()
    s:quiet()
  end)
end)

-- Hold: a phone's re-INVITE is mirrored in the answer, the other side hears nothing, and then all is as
-- it was.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"
local task = require "moonline.core.task"

local ANSWERS <const> = { sendonly = "recvonly", inactive = "inactive", address = "recvonly" }

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor((seconds or 0) * 1000) }
end

-- Directions of the descriptions in the 200s that a phone received, and how many INVITEs.
local function descriptions(box)
  local directions, invites, offers = {}, 0, {}
  while true do
    local event = box:wait({ "message" }, 0)
    if not event then return directions, invites, offers end
    local direction = event.text:match("\r\na=(%l+)\r\n$") or event.text:match("\r\na=(send%l+)")
      or event.text:match("\r\na=(recvonly)") or event.text:match("\r\na=(inactive)")
    if not event.sent and event.text:find("^INVITE ") then invites = invites + 1 end
    if event.sent and event.text:find("^INVITE ") then offers[#offers + 1] = event.text end
    if not event.sent and event.text:find("^SIP/2.0 200 ") and direction then
      directions[#directions + 1] = direction
    end
  end
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
  s.alice = s:phone "alice"
  local box, kate_box = task.mailbox(1000), task.mailbox(1000)
  s.alice.core:trace(box)
  kate.core:trace(kate_box)
  local alice = assert(s:call())
  local alice_ear = audio.listen(s.alice, alice)
  moonline.sleep(0.2)
  return { alice = alice, kate = kate_leg, alice_ear = alice_ear, kate_ear = kate_ear, box = box,
    kate_box = kate_box }
end

local function came(leg)
  local stats = leg.core:stats()
  return stats.received + stats.dropped
end

describe("hold", function()
  for way, answer in pairs(ANSWERS) do
    it(("S8 MED-10 by %s is answered %s and silent both ways, then all is as before")
      :format(way, answer), function()
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
      local directions, _, offers = descriptions(talk.box)
      assert.same({ "sendrecv", answer, "sendrecv" }, directions)
      if way == "address" then assert.matches("c=IN IP4 0.0.0.0", offers[2], 1, true) end
      local _, invites = descriptions(talk.kate_box)
      assert.equal(1, invites) -- kate's side is not touched
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
end)

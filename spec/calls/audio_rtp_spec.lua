-- RTP as it goes over the wire: one line of packets, whose packets are believed, ports that rest.
local audio = require "support.audio"
local moonline = require "moonline"
local rawphone = require "support.rawphone"
local stage = require "support.stage"

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor((seconds or 0) * 1000) }
end

-- Packets of 20 ms of a tone that has a whole number of turns in them.
local function payload(hz)
  return audio.ulaw(audio.sines { { hz, 0.02 } })
end

local TRUE <const>, FALSE <const> = payload(1000), payload(2000)

local function serve_tone(s, hz, seconds)
  local wav = audio.wav(audio.sines { { hz, seconds } })
  s.web["/tone.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end
end

-- A raw caller connected with kate, and what kate hears.
local function connected(s, offer)
  local ear, kate_leg
  local kate = s:phone("kate", function(call)
    call:answer()
    kate_leg, ear = call, audio.listen(s.phones[1], call)
    call:wait {}
  end)
  s.web["/voice"] = stage.twiml(('<Dial><Sip>%s</Sip></Dial>'):format(kate.address))
  local raw = rawphone.open(s:uri())
  raw:call(offer or {})
  moonline.sleep(0.2)
  return raw, ear, kate_leg
end

local function samples_of(packets)
  local samples, first = {}, packets[1]
  for _, packet in ipairs(packets) do
    local at = packet.timestamp - first.timestamp & 0xffffffff
    for i, sample in ipairs(audio.from_ulaw(packet.payload)) do samples[at + i] = sample end
  end
  for i = 1, #packets > 0 and (packets[#packets].timestamp - first.timestamp & 0xffffffff) or 0 do
    samples[i] = samples[i] or 0
  end
  return samples
end

describe("a leg's packets", function()
  it("S1 S14b are one line over prompt, ringback and bridge, marked at each change", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:ring()
      moonline.sleep(1)
      call:answer()
      tone(call, 900, 1)
      moonline.sleep(2)
      tone(call, 700, 1)
      moonline.sleep(2)
    end)
    serve_tone(s, 600, 1)
    s.web["/voice"] = stage.twiml(
      ('<Play>/tone.wav</Play><Dial action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
    s.web["/after"] = stage.twiml '<Play>/tone.wav</Play>'
    local raw <close> = rawphone.open(s:uri())
    raw:call {}
    raw:talk(3, TRUE)
    s:quiet()
    local packets, marks = raw.packets, {}
    local first = packets[1]
    for i, packet in ipairs(packets) do
      assert.equal(2, packet.version)
      assert.equal(0, packet.type)
      assert.equal(first.ssrc, packet.ssrc)
      assert.equal(first.seq + i - 1 & 0xffff, packet.seq)
      local said = (packet.timestamp - first.timestamp & 0xffffffff) / 8000
      assert.near(packet.time - first.time, said, 0.026)
      if packet.marker then marks[#marks + 1] = packet.time - first.time end
    end
    -- prompt (ringing joins it), kate, kate after her pause, prompt again
    local heard = samples_of(packets)
    local changes = { 0, audio.tones(heard, 900)[1].from, audio.tones(heard, 700)[1].from,
      audio.tones(heard, 600)[2].from }
    for _, change in ipairs(changes) do
      local marked = false
      for _, mark in ipairs(marks) do marked = marked or math.abs(mark - change) < 0.045 end
      assert.is_true(marked, "no marker at " .. change)
    end
    assert.is_true(#marks <= 6)
    assert.near(2, audio.total(audio.tones(heard, 600)), 0.061)
    assert.near(1, audio.total(audio.tones(heard, { 440, 480 })), 0.061)
    assert.near(1, audio.total(audio.tones(heard, 900)), 0.061)
    assert.equal(0, s.server.env.agent:legs())
  end)
end)

describe("whose packets are believed", function()
  it("MED-1 of others are neither heard nor answered once the peer has spoken", function()
    local s <close> = stage.open()
    local raw <close>, ear, kate = connected(s)
    local other <close>, bled, listener = rawphone.ear()
    for _ = 1, 3 do raw:say(FALSE, { from = other }) end -- before: too few to be believed
    moonline.sleep(0.1)
    raw:talk(0.5, TRUE)
    tone(kate, 900)
    for _ = 1, 50 do -- now with a good guess of SSRC and number
      raw:say(FALSE, { from = other })
      raw:say(TRUE)
      moonline.sleep(0.02)
    end
    moonline.sleep(0.5)
    local heard = ear:stop()[1]
    assert.same({}, bled)
    assert.same({}, audio.tones(heard, 2000))
    assert.is_true(audio.amplitude(heard, 2000, 0.2, 2) < 20)
    assert.near(1.5, audio.total(audio.tones(heard, 1000)), 0.1)
    assert.is_true(#raw.packets > 40)
    listener:cancel()
    raw:bye()
    s:quiet()
  end)

  it("MED-1 MED-5 keys of others are not taken", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Gather numDigits="1" timeout="3" action="/stolen"/>'
    local raw <close> = rawphone.open(s:uri())
    raw:call {}
    local other <close>, bled, listener = rawphone.ear()
    for _, duration in ipairs { 160, 320, 480, 640, 800, 800, 800 } do
      local event = string.pack(">BBI2", 5, duration == 800 and 0x8a or 10, duration)
      raw:say(event, { from = other, type = 101, timestamp = 5000 })
      moonline.sleep(0.02)
    end
    s:quiet()
    assert.same({}, bled)
    assert.same({}, s:requests_to "/stolen")
    listener:cancel()
  end)

  it("MED-1 come from another port than described: believed after five, answered there", function()
    local s <close> = stage.open()
    local dead <close>, lost, dead_listener = rawphone.ear()
    local raw <close>, ear, kate = connected(s, { port = dead:port() })
    tone(kate, 900)
    raw:talk(1, TRUE)
    moonline.sleep(0.2)
    assert.near(0.9, audio.total(audio.tones(ear:stop()[1], 1000)), 0.06)
    assert.is_true(#lost <= 6) -- until we were believed
    assert.is_true(#raw.packets > 45)
    dead_listener:cancel()
    raw:bye()
    s:quiet()
  end)

  it("MED-2 MED-3 go on with another SSRC, after a jump, and between malformed ones", function()
    local s <close> = stage.open()
    local raw <close>, ear, kate = connected(s)
    raw:talk(0.5, TRUE)
    raw.ssrc, raw.seq, raw.timestamp = 77, 9, 1234
    raw:talk(0.5, TRUE)
    raw.seq, raw.timestamp = raw.seq + 5000, raw.timestamp + 1000000
    raw:talk(0.5, TRUE)
    for _, bytes in ipairs { "", "\x80", ("\0"):rep(12), "\x8f\0" .. ("\0"):rep(20),
      "\x90\0" .. ("\0"):rep(12) .. "\xff\xff", "\xa0\0" .. ("\0"):rep(10) .. "\xff" } do
      raw.audio:send("127.0.0.1", raw.there, bytes)
    end
    raw:talk(0.5, TRUE)
    moonline.sleep(0.2)
    assert.near(2, audio.total(audio.tones(ear:stop()[1], 1000)), 0.1)
    local stats = kate.core:stats() -- one line at the other side, whatever came in
    assert.equal(1, stats.sources)
    assert.equal(0, stats.lost)
    raw:bye()
    s:quiet()
  end)
end)

describe("RTP ports", function()
  it("S1 rest for half a minute after a call", function()
    local pid = tonumber(io.open("/proc/self/stat"):read("n"))
    local port = 10000 + pid % 4000 * 2
    local s <close> = stage.open { rtp = { ports = { port, port + 1 } } }
    serve_tone(s, 600, 1)
    s.web["/voice"] = stage.twiml "<Play>/tone.wav</Play>"
    local function call()
      local raw <close> = rawphone.open(s:uri())
      local code = raw:call({}).code
      s:quiet()
      return code, raw.there, #raw.packets
    end
    local code, there, packets = call()
    assert.equal(200, code)
    assert.equal(port, there)
    assert.near(50, packets, 2)
    assert.equal(503, (call())) -- the only pair rests
    moonline.sleep(20)
    assert.equal(503, (call()))
    moonline.sleep(10)
    code, there = call()
    assert.equal(200, code)
    assert.equal(port, there)
  end)
end)

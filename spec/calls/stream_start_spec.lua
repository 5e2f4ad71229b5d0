-- <Start><Stream>: what is said on a call goes to a server beside the verbs; <Stop>; failures.
local audio = require "support.audio"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local stream_server = require "support.stream_server"

local function start(agent, attrs)
  return ('<Start><Stream url="%s" %s/></Start>'):format(agent.url, attrs or "")
end

-- Runs these verbs for alice, who does act: the stage, when all is over.
local function run(verbs, act, pages)
  local s = stage.open()
  s.web["/voice"] = stage.twiml(verbs)
  for path, page in pairs(pages or {}) do s.web[path] = page end
  local alice = assert(s:call())
  if act then act(alice, s) end
  s:quiet()
  return s
end

describe("a started stream", function()
  it("V2 <Start><Stream track>: goes on beside the verbs that follow, both tracks", function()
    local agent <close> = stream_server.open()
    local wav = audio.wav(audio.sines { { 900, 1 } })
    local s <close> = run(
      start(agent, 'track="both_tracks"') .. '<Play>/a.wav</Play><Pause length="1"/>',
      function(alice)
        moonline.sleep(0.2)
        alice:play { tone = "500", seconds = 0.5 }
      end, { ["/a.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end })
    local stream = agent:stream()
    stream:wait "stop"
    assert.same({ "inbound", "outbound" }, stream.start.tracks)
    assert.near(0.5, audio.total(audio.tones(stream.heard.inbound, 500)), 0.05)
    assert.near(1, audio.total(audio.tones(stream.heard.outbound, 900)), 0.05)
    assert.equal(0, #audio.tones(stream.heard.inbound, 900))
    assert.is_nil(s:warned(31921))
  end)

  it("V2 chunks count up by track, and time goes on", function()
    local agent <close> = stream_server.open()
    local s <close> = run(start(agent, 'track="both_tracks"') .. '<Pause length="2"/>',
      function(alice)
        for _ = 1, 2 do
          alice:play { tone = "500", seconds = 0.2 }
          moonline.sleep(0.5)
        end
      end)
    s:quiet()
    local stream = agent:stream()
    stream:wait "stop"
    local chunk, time, gaps = 0, -20, 0
    for _, message in ipairs(stream.messages) do
      if message.event == "media" then
        chunk = chunk + 1
        assert.equal(tostring(chunk), message.media.chunk)
        local now = tonumber(message.media.timestamp)
        assert.is_true(now >= time + 20)
        if now > time + 100 then gaps = gaps + 1 end
        time = now
        assert.equal(160, #stream_server.decode(message.media.payload))
      end
    end
    assert.near(20, chunk, 1)
    assert.is_true(gaps <= 2)
  end)

  it("V2 both sides of a Dial are heard", function()
    local agent <close> = stream_server.open()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      moonline.sleep(0.3)
      call:play { tone = "900", seconds = 1 }
      party.stay(call)
    end)
    s.web["/voice"] = stage.twiml(start(agent, 'track="both_tracks"')
      .. ("<Dial><Sip>%s</Sip></Dial>"):format(kate.address))
    local alice = assert(s:call())
    moonline.sleep(1.5)
    alice:play { tone = "500", seconds = 0.5 }
    alice:hangup()
    local stream = agent:stream()
    stream:wait "stop"
    s:quiet()
    assert.near(0.5, audio.total(audio.tones(stream.heard.inbound, 500)), 0.05)
    assert.near(1, audio.total(audio.tones(stream.heard.outbound, 900)), 0.05)
  end)

  it("V2 in a screening document hears the party that is screened", function()
    local agent <close> = stream_server.open()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      moonline.sleep(0.5)
      call:play { tone = "900", seconds = 0.5 }
      party.stay(call)
    end)
    s.web["/voice"] = stage.twiml(('<Dial><Sip url="/screen">%s</Sip></Dial>'):format(kate.address))
    s.web["/screen"] = stage.twiml(start(agent) .. '<Pause length="2"/>')
    local alice = assert(s:call())
    moonline.sleep(3)
    alice:hangup()
    local stream = agent:stream()
    stream:wait "stop"
    s:quiet()
    assert.near(0.5, audio.total(audio.tones(stream.heard.inbound, 900)), 0.05)
    assert.not_equal(s.requests[1].params.CallSid, stream.start.callSid)
  end)

  it("V2 <Stop> <Stream name>: ends the one of that name, and no other", function()
    local agent <close> = stream_server.open()
    local s <close> = run(start(agent, 'name="one"') .. start(agent, 'name="two"')
      .. '<Pause length="1"/><Stop><Stream name="one"/></Stop><Pause length="1"/>'
      .. '<Stop><Stream name="three"/></Stop>')
    for i = 1, 2 do agent:stream(i):wait "stop" end
    local one, two = s:seen "stream", {}
    for _, event in ipairs(one) do two[#two + 1] = event.event end
    assert.same({ "stream-started", "stream-started", "stream-stopped", "stream-stopped" }, two)
    assert.near(1, one[4].time and one[4].time - one[3].time or 1, 0.1)
    assert.matches('no stream is named "three"', s:warned(12200), 1, true)
    assert.is_nil(s:warned(31921))
  end)

  it("V2 a name is good for one stream at a time", function()
    local agent <close> = stream_server.open()
    local s <close> = run(start(agent, 'name="one"') .. start(agent, 'name="one"')
      .. '<Pause length="1"/><Stop><Stream name="one"/></Stop><Pause length="1"/>'
      .. start(agent, 'name="one"') .. '<Pause length="1"/>')
    assert.matches("one is streaming already", s:warned(31920))
    assert.equal(2, #agent.streams)
  end)

  it("V2 four streams of a call, and a fifth is refused", function()
    local agent <close> = stream_server.open()
    local s <close> = run(start(agent):rep(5) .. '<Pause length="1"/>')
    assert.equal(4, #agent.streams)
    assert.matches("at most four", s:warned(31920))
    for i = 1, 4 do agent:stream(i):wait "stop" end
  end)

  it("V1 a server that may not speak is not heard, with warning 31951", function()
    local agent <close> = stream_server.open(function(stream)
      stream:play(audio.sines { { 900, 0.5 } })
    end)
    local ear
    local s <close> = run(start(agent) .. '<Pause length="2"/>', function(alice, s)
      ear = audio.listen(s.alice, alice)
    end)
    assert.equal(0, #audio.sounds(ear:stop()[1]))
    assert.matches("one direction", s:warned(31951))
  end)

  it("V1 a server that is not there changes nothing for the call", function()
    local s <close> = run('<Start><Stream url="wss://127.0.0.1:9/a"/></Start><Pause length="1"/>'
      .. "<Redirect>/next</Redirect>", nil, { ["/next"] = stage.twiml "<Hangup/>" })
    assert.equal(1, #s:requests_to "/next")
    assert.is_string(s:warned(31902))
  end)

  it("V1 a bad track is warning 31941 and the inbound one", function()
    local agent <close> = stream_server.open()
    local s <close> = run(start(agent, 'track="left"') .. '<Pause length="1"/>')
    assert.is_string(s:warned(31941))
    assert.same({ "inbound" }, agent:stream().start.tracks)
  end)

  it("V1 <Siprec> and others are refused by number, and the document goes on", function()
    for _, verbs in ipairs { '<Start><Siprec connectorName="a"/></Start>',
      "<Start><Transcription/></Start>", '<Stop><Siprec name="a"/></Stop>' } do
      local s <close> = run(verbs .. "<Redirect>/next</Redirect>", nil,
        { ["/next"] = stage.twiml "<Hangup/>" })
      assert.equal(1, #s:requests_to "/next")
      assert.matches("is TwiML that is not supported yet", s:warned(13750))
    end
  end)

  it("V1 a noun of Dial does not belong in Start, nor a Stream in Dial", function()
    local s <close> = run('<Pause/><Start><Sip>sip:a@b.example</Sip></Start>'
      .. '<Dial><Stream url="wss://a.example"/></Dial>')
    assert.matches("<Sip> belongs in <Dial>", s:warned(12200), 1, true)
    assert.matches("<Stream> belongs in <Connect>", s:warned(13215), 1, true)
  end)
end)

describe("call:stream", function()
  -- Alice calls a phone whose script is fn: what she heard.
  local function script(fn, act)
    local alice_agent <close> = assert(moonline.agent())
    local agent <close> = assert(moonline.agent())
    agent:on("call", fn)
    local leg <close> = assert(alice_agent:call(agent:uri "bot"))
    if act then act(leg) end
    party.ended(leg)
  end

  it("L1 streams both ways until its block is left, and tells keys", function()
    local server <close> = stream_server.open(function(stream)
      stream:play(audio.sines { { 900, 0.3 } })
    end)
    local counts, key
    script(function(call)
      do
        local stream <close> = assert(call:stream(server.url, { duplex = true, name = "bot",
          parameters = { who = "alice" } }))
        key = call:gather { digits = 1, timeout = 5 }
        counts = stream:counts()
      end
      moonline.sleep(0.2)
    end, function(leg)
      moonline.sleep(0.5)
      leg:send_digits "7"
    end)
    local stream = server:stream()
    stream:wait "stop"
    assert.equal("7", key)
    assert.equal("7", stream.digits)
    assert.same({ who = "alice" }, stream.start.customParameters)
    assert.equal(2, counts.received - counts.ignored)
  end)

  it("L1 wait tells how it ended; a second of that name and bad URLs are refused", function()
    local server <close> = stream_server.open(function(stream)
      moonline.sleep(0.3)
      stream.socket:close()
    end)
    local why, again, early, misuse
    script(function(call)
      local stream <close> = assert(call:stream(server.url, { name = "a" }))
      again = { call:stream(server.url, { name = "a" }) }
      early = { stream:wait(0.1) }
      why = stream:wait()
      misuse = select(2, pcall(call.stream, call, "http://127.0.0.1/"))
    end)
    assert.equal("closed", why)
    assert.same({ nil, "timeout" }, early)
    assert.equal("taken", again[2])
    assert.matches("wss://", misuse)
  end)
end)

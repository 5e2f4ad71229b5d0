-- <Connect><Stream>: a voice agent over a WebSocket hears the caller and is heard.
local audio = require "support.audio"
local certificate = require "support.certificate"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local stream_server = require "support.stream_server"

-- Alice is connected to an agent that does fn: the stage, her leg, the agent.
local function connect(agent, attrs, inside)
  local s = stage.open()
  s.web["/voice"] = stage.twiml(
    ('<Connect action="/after"><Stream url="%s" %s>%s</Stream></Connect>'):format(
      agent.url, attrs or "", inside or ""))
  s.web["/after"] = s.web["/after"] or stage.twiml "<Hangup/>"
  return s, assert(s:call())
end

describe("a connected stream", function()
  it("V2 <Connect><Stream url>: the agent hears the caller, sample by sample", function()
    local agent <close> = stream_server.open()
    local s <close>, alice = connect(agent)
    local stream = agent:stream()
    moonline.sleep(0.1)
    alice:play { tone = "500", seconds = 1 }
    alice:hangup()
    stream:wait "stop"
    local spans = audio.tones(stream.heard.inbound, 500)
    assert.equal(1, #spans)
    assert.near(1, spans[1].to - spans[1].from, 0.041)
    assert.is_nil(stream.heard.outbound)
    assert.equal("connected start media stop", stream:events())
    s:quiet()
  end)

  it("V2 <Stream name><Parameter name value>: the start message says it, signed", function()
    local agent <close> = stream_server.open()
    local s <close> = connect(agent, 'name="support"',
      '<Parameter name="tone" value="friendly &quot;&#228;"/><Parameter name="who" value="7"/>')
    local stream = agent:stream()
    local start = stream.start
    assert.equal("AC00000000000000000000000000000001", start.accountSid)
    assert.equal(s.requests[1].params.CallSid, start.callSid)
    assert.matches("^MZ%x+$", stream.sid)
    assert.equal(34, #stream.sid)
    assert.same({ "inbound" }, start.tracks)
    assert.same({ encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }, start.mediaFormat)
    assert.same({ tone = 'friendly "ä', who = "7" }, start.customParameters)
    assert.same({ event = "connected", protocol = "Call", version = "1.0.0" }, stream.messages[1])
    assert.is_true(stream.request:is_signed "secret")
    assert.matches("^moonline/", stream.request.headers["user-agent"])
  end)

  it("V2 the caller hears the agent, whatever the pieces", function()
    local sent = audio.sines { { 500, 0.4 }, { 0, 0.2 }, { 900, 0.4 } }
    for _, piece in ipairs { 160, 8000, 97 } do
      local agent <close> = stream_server.open(function(stream)
        stream:play(sent, piece)
        stream:mark "said"
        stream:wait "mark"
        stream.socket:close()
      end)
      local s <close>, alice = connect(agent)
      local ear <close> = audio.listen(s.alice, alice)
      s:quiet()
      local heard = ear:stop()[1]
      local at = audio.sounds(heard)[1].from
      local best = -100
      for shift = -320, 320 do
        best = math.max(best, audio.likeness(sent, heard, at + shift / 8000))
      end
      assert.is_true(best > 30, ("%d: %.1f dB"):format(piece, best))
    end
  end)

  it("V2 a phone with PCMA hears and is heard", function()
    local agent <close> = stream_server.open(function(stream)
      stream:play(audio.sines { { 900, 0.5 } })
    end)
    local s <close> = stage.open { media = { codecs = { "PCMA", "PCMU" } } }
    s.web["/voice"] = stage.twiml(('<Connect><Stream url="%s"/></Connect>'):format(agent.url))
    local alice = assert(s:call { phone = { codecs = { "PCMA" } } })
    local ear <close> = audio.listen(s.alice, alice)
    local stream = agent:stream()
    moonline.sleep(0.1)
    alice:play { tone = "500", seconds = 0.5 }
    moonline.sleep(0.5)
    alice:hangup()
    stream:wait "stop"
    assert.near(0.5, audio.total(audio.tones(stream.heard.inbound, 500)), 0.05)
    assert.near(0.5, audio.total(audio.tones(ear:stop()[1], 900)), 0.05)
  end)

  it("V2 marks come back when what was before them has been heard, in order", function()
    local began
    local agent <close> = stream_server.open(function(stream)
      began = moonline.clock()
      stream:mark "first"
      stream:play(audio.sines { { 500, 1 } })
      stream:mark "second"
      stream:mark "third"
      stream:play(audio.sines { { 900, 1 } })
      stream:mark "fourth"
    end)
    local s <close>, alice = connect(agent)
    local stream = agent:stream()
    moonline.sleep(3)
    alice:hangup()
    stream:wait "stop"
    local names, times = {}, {}
    for i, mark in ipairs(stream.marks) do
      names[i], times[i] = mark.name, mark.time - began
    end
    assert.same({ "first", "second", "third", "fourth" }, names)
    assert.near(0, times[1], 0.05)
    assert.near(1, times[2], 0.05)
    assert.near(1, times[3], 0.05)
    assert.near(2, times[4], 0.05)
    s:quiet()
  end)

  it("V2 clear cuts what waits, and its marks come back", function()
    local agent <close> = stream_server.open(function(stream)
      stream:play(audio.sines { { 500, 10 } })
      stream:mark "end"
      moonline.sleep(1)
      stream:clear()
      stream:wait "mark"
      stream:play(audio.sines { { 900, 0.5 } })
      stream:mark "over"
      stream:wait "mark"
      stream.socket:close()
    end)
    local s <close>, alice = connect(agent)
    local ear <close> = audio.listen(s.alice, alice)
    s:quiet()
    local heard = ear:stop()[1]
    assert.near(1, audio.total(audio.tones(heard, 500)), 0.07)
    assert.near(0.5, audio.total(audio.tones(heard, 900)), 0.05)
  end)

  it("V2 keys are told to the agent", function()
    local agent <close> = stream_server.open()
    local s <close>, alice = connect(agent)
    local stream = agent:stream()
    alice:send_digits "1#4"
    alice:hangup()
    stream:wait "stop"
    assert.equal("1#4", stream.digits)
    for _, message in ipairs(stream.messages) do
      if message.event == "dtmf" then assert.equal("inbound_track", message.dtmf.track) end
    end
    s:quiet()
  end)

  it("V2 <Connect action>: asked when the agent closes; without it the next verb runs", function()
    local agent <close> = stream_server.open(function(stream) stream.socket:close() end)
    local s <close>, alice = connect(agent, 'name="bot"')
    local params = s:request("/after").params
    assert.equal("bot", params.StreamName)
    assert.matches("^MZ", params.StreamSid)
    assert.is_nil(params.StreamError)
    assert.equal("in-progress", params.CallStatus)
    party.ended(alice)
    s.web["/voice"] = stage.twiml(([[
      <Connect><Stream url="%s"/></Connect><Redirect>/next</Redirect>]]):format(agent.url))
    s.web["/next"] = stage.twiml "<Hangup/>"
    s:call()
    s:request "/next"
    s:quiet()
    assert.is_nil(s:warned(31921))
  end)

  it("V2 <Stream statusCallback>: hears of its begin and end", function()
    local agent <close> = stream_server.open(function(stream)
      moonline.sleep(0.5)
      stream.socket:close()
    end)
    local s <close> = stage.open()
    s.web["/status"] = function() return 204 end
    s.web["/voice"] = stage.twiml(([[
      <Connect><Stream url="%s" name="a" statusCallback="/status"/></Connect>]]):format(agent.url))
    s:call()
    local started, stopped = s:request("/status"), s:request("/status")
    assert.equal("POST", started.method)
    assert.is_true(started:is_signed "secret")
    assert.equal("stream-started", started.params.StreamEvent)
    assert.equal("a", started.params.StreamName)
    assert.equal(agent:stream().sid, started.params.StreamSid)
    assert.equal(agent:stream().start.callSid, started.params.CallSid)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", started.params.Timestamp)
    assert.equal("stream-stopped", stopped.params.StreamEvent)
    assert.is_nil(stopped.params.StreamError)
    s:quiet()
  end)

  it("V2 <Connect method> <Stream statusCallbackMethod>: GET where it says so", function()
    local agent <close> = stream_server.open(function(stream) stream.socket:close() end)
    local s <close> = stage.open()
    s.web["/status"], s.web["/after"] = stage.twiml "", stage.twiml "<Hangup/>"
    s.web["/voice"] = stage.twiml(([[
      <Connect action="/after" method="GET"><Stream url="%s" statusCallback="/status"
        statusCallbackMethod="GET"/></Connect>]]):format(agent.url))
    s:call()
    assert.equal("GET", s:request("/after").method)
    assert.equal("GET", s:request("/status").method)
    assert.equal("GET", s:request("/status").method)
    s:quiet()
  end)

  it("V1 a track other than the inbound one is warning 31941", function()
    local agent <close> = stream_server.open(function(stream) stream.socket:close() end)
    local s <close> = connect(agent, 'track="both_tracks"')
    s:quiet()
    assert.is_string(s:warned(31941))
    assert.same({ "inbound" }, agent:stream().start.tracks)
  end)
end)

describe("a Stream that fails", function()
  -- The warning of that number, and the document goes on.
  local function fails(url, code, options)
    local s <close> = stage.open(options)
    s.web["/status"] = function() return 204 end
    s.web["/voice"] = stage.twiml(([[
      <Connect><Stream url="%s" statusCallback="/status"/></Connect><Redirect>/next</Redirect>]])
      :format(url))
    s.web["/next"] = stage.twiml "<Hangup/>"
    s:call()
    s:request "/next"
    local status = s:request("/status").params
    assert.equal("stream-error", status.StreamEvent)
    s:quiet()
    assert.equal(s:warned(code), status.StreamError)
    return status.StreamError
  end

  it("V1 nobody listens: 31902", function()
    local agent = stream_server.open()
    local url = agent.url
    agent:close()
    assert.matches("^stream to ws://", fails(url, 31902))
  end)

  it("V1 the upgrade is answered with 404: 31920", function()
    local agent <close> = stream_server.open()
    assert.matches("answered with 404", fails(agent.url .. "/other", 31920))
  end)

  it("V1 no such host: 31904", function()
    fails("wss://nobody.invalid/a", 31904)
  end)

  it("V1 a listener of ours: 31904", function()
    local s <close> = stage.open()
    local port = s.server.http:port()
    s.web["/voice"] = stage.twiml(([[
      <Connect><Stream url="ws://127.0.0.1:%d/"/></Connect><Hangup/>]]):format(port))
    s:call()
    s:quiet()
    assert.matches("a listener of this program itself", s:warned(31904))
  end)

  it("V1 an address that webhook.deny refuses: 31904", function()
    local agent <close> = stream_server.open()
    local port = agent.web.port
    assert.matches("denied by the configuration", fails("wss://agent.example/a", 31904, {
      webhook = {
        deny = { "127.0.0.2/32" }, resolve = { ["agent.example"] = "127.0.0.2:" .. port },
      },
    }))
  end)

  it("V1 a certificate nobody vouches for, or of another name: 31910", function()
    local paper <close> = certificate.make "agent.test"
    local web <close> = assert(moonline.http.serve({ certificate = paper.certificate,
      key = paper.key }, function() return 200 end))
    local there = "127.0.0.1:" .. web.port
    assert.matches("self%-signed", fails("wss://agent.test/a", 31910,
      { webhook = { resolve = { ["agent.test"] = there } } }))
    assert.matches("other.test", fails("wss://other.test/a", 31910,
      { webhook = { ca = paper.certificate, resolve = { ["other.test"] = there } } }))
  end)

  it("V1 what listens speaks no TLS: 31910", function()
    local agent <close> = stream_server.open()
    fails(agent.url:gsub("^ws:", "wss:"), 31910)
  end)

  it("V1 an agent that dies is 31921, and the call goes on", function()
    local agent <close> = stream_server.open(function(stream) stream.socket:drop() end)
    local s <close> = connect(agent)
    local params = s:request("/after").params
    assert.matches("the connection broke", params.StreamError)
    s:quiet()
    assert.is_string(s:warned(31921))
  end)

  it("V1 an agent that closes with another code than 1000 is 31921", function()
    local agent <close> = stream_server.open(function(stream)
      stream.socket:close(4000, "no money left")
    end)
    local s <close> = connect(agent)
    assert.matches("no money left %(4000%)", s:request("/after").params.StreamError)
    s:quiet()
  end)

  it("V1 messages that are none are warning 31951, once, and change nothing", function()
    local agent <close> = stream_server.open(function(stream)
      for _, text in ipairs { "hello", "{", "[]", '{"event":"media"}', "\0" } do
        stream.socket:send(text)
      end
      stream.socket:send("\1\2", true)
      stream:send { event = "media", media = { payload = "no base64!" } }
      stream:send { event = "media", media = {} }
      stream:send { event = "media", media = { payload = 12 } }
      stream:send { event = "mark", mark = {} }
      stream:send { event = "dance" }
      stream:send { event = "clear", streamSid = "MZ00" }
      stream:play(audio.sines { { 900, 0.3 } })
      stream:mark "still"
      stream:wait "mark"
      stream.socket:close()
    end)
    local s <close>, alice = connect(agent)
    local ear <close> = audio.listen(s.alice, alice)
    s:quiet()
    assert.near(0.3, audio.total(audio.tones(ear:stop()[1], 900)), 0.05)
    assert.is_string(s:warned(31951))
    local count = 0
    for _, event in ipairs(s:seen "warning") do
      count = count + (event.code == 31951 and 1 or 0)
    end
    assert.equal(1, count)
  end)

  it("V1 ws:// to another machine is 31922, and nothing is connected", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Connect><Stream url="ws://10.1.2.3/a"/></Connect><Hangup/>'
    s:call()
    s:quiet()
    assert.matches("ws:// only on this machine", s:warned(31922), 1, true)
  end)

  it("V1 nouns of Connect that are not supported are refused, and the document goes on", function()
    local nouns = { "ConversationRelay", "VirtualAgent", "Room", "Conversation", "AiSession" }
    for _, noun in ipairs(nouns) do
      local s <close> = stage.open()
      s.web["/voice"] = stage.twiml(([[
        <Connect><%s/></Connect><Redirect>/next</Redirect>]]):format(noun))
      s.web["/next"] = stage.twiml "<Hangup/>"
      s:call()
      s:request "/next"
      s:quiet()
      assert.matches(noun, s:warned(13750))
    end
  end)
end)

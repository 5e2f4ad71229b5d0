-- <Connect><Stream> with a WebSocket server that is not ours: Python's websockets, plain and by TLS.
local audio = require "support.audio"
local certificate = require "support.certificate"
local moonline = require "moonline"
local party = require "support.party"
local process = require "support.process"
local served = require "support.served"
local signature = require "moonline.webhook.signature"

local PROGRAM = process.root .. "/spec/support/stream_peer.py"
local SID = "AC00000000000000000000000000000001"

local function python(...)
  return process.start { "/usr/bin/python3", PROGRAM, ... }
end

local function write_config(webhook)
  return ('account_sid = "%s"\nauth_token = "secret"\nwebhook = { %s }\n'):format(SID,
    webhook or "")
end

-- Alice is connected to the agent at that URL, talks, and presses 9: what she heard.
local function talk(url, webhook)
  local server <close> = served.start({}, { configuration = write_config(webhook) })
  server.web["/voice"] = ('<Response><Connect action="/after"><Stream url="%s" name="py">'
    .. '<Parameter name="who" value="alice"/></Stream></Connect></Response>'):format(url)
  server.web["/after"] = "<Response><Hangup/></Response>"
  local phone <close> = assert(moonline.agent())
  local alice <close> = assert(phone:call("sip:line@127.0.0.1:" .. server.port))
  local ear <close> = audio.listen(phone, alice)
  alice.core:play { tone = "700", ms = 1000 }
  for _ = 1, 8 do moonline.sleep(0.2) end
  alice.core:play { digits = "9" }
  local after = server:request("/after").params
  local heard = ear:stop()[1]
  return heard, after, server
end

describe("a voice agent in Python", function()
  it("V2 hears, is heard, sees keys, and closes", function()
    local peer <close> = python()
    local url = ("ws://127.0.0.1:%s/audio"):format(peer:await "port (%d+)")
    local heard, after = talk(url)
    assert.equal("py", after.StreamName)
    assert.is_nil(after.StreamError)
    assert.near(1, audio.total(audio.tones(heard, 700)), 0.15)
    peer:await "closed 1000"
    local said = peer:out()
    assert.matches("path /audio", said)
    assert.matches("agent moonline/", said)
    assert.matches('"who": "alice"', said, 1, true)
    assert.matches("mark hello", said)
    assert.matches("dtmf 9", said)
    assert.matches("signature " .. signature.of("secret", url), said, 1, true)
    assert.is_true(tonumber(said:match "\nmedia (%d+)") >= 45)
  end)

  it("V2 the same over TLS, with webhook.ca and webhook.resolve", function()
    local paper <close> = certificate.make "agent.example.com"
    local peer <close> = python(paper.certificate, paper.key)
    local port = peer:await "port (%d+)"
    local heard, after = talk("wss://agent.example.com/audio",
      ('ca = "%s", resolve = { ["agent.example.com"] = "127.0.0.1:%s" }'):format(
        paper.certificate, port))
    assert.is_nil(after.StreamError)
    assert.near(1, audio.total(audio.tones(heard, 700)), 0.15)
    peer:await "closed 1000"
  end)

  it("V1 that is killed ends the stream with an error, and the call goes on", function()
    local peer <close> = python()
    local server <close> = served.start({}, { configuration = write_config() })
    server.web["/voice"] = ('<Response><Connect action="/after"><Stream url="ws://127.0.0.1:%s/"/>'
      .. "</Connect></Response>"):format(peer:await "port (%d+)")
    server.web["/after"] = "<Response><Hangup/></Response>"
    local phone <close> = assert(moonline.agent())
    local alice <close> = assert(phone:call("sip:line@127.0.0.1:" .. server.port))
    peer:await "mark hello"
    peer:signal "KILL"
    assert.matches("the connection broke", server:request("/after").params.StreamError)
    assert.equal("in-progress", server.requests[#server.requests].params.CallStatus)
    party.ended(alice, 5)
  end)
end)

describe("examples/echo-server.lua", function()
  it("V2 sends the caller's words back after a second, until a key clears them", function()
    local folder = process.folder()
    local agent <close> = process.start({ process.moonline,
      process.root .. "/examples/echo-server.lua", "127.0.0.1:0" }, { directory = folder })
    local uri = agent:await "call (sip:%S+)"
    local phone <close> = assert(moonline.agent())
    local alice <close> = assert(phone:call(uri))
    local ear <close> = audio.listen(phone, alice)
    alice.core:play { tone = "700", ms = 3000 }
    for _ = 1, 17 do moonline.sleep(0.2) end
    alice.core:play { digits = "9" }
    for _ = 1, 2 do moonline.sleep(0.2) end
    alice:hangup()
    local heard = audio.tones(ear:stop()[1], 700)
    assert.near(1, heard[1].from, 0.3)
    assert.near(2.3, audio.total(heard), 0.4)
    process.remove(folder)
  end)
end)

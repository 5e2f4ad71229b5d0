-- Foreign phones and carriers: baresip logs in, is called as <Client> and calls in; sipp is a carrier that
-- wants its trunk registered, and its calls paid for by a password.
local audio = require "support.audio"
local baresip = require "support.baresip"
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"

local OWN, THEIRS = 400, 1000 -- Hz that our side, and baresip, send

local CONFIGURATION = [[
sip = { allow = { "192.0.2.0/24" }, users = { alice = "wonder", desk = "secret" } }
]]

-- A server where nobody may call in without a password.
local function strict()
  return served.start(nil, { configuration = CONFIGURATION })
end

local function account(server, user, password)
  return ("<sip:%s@127.0.0.1:%d>;auth_user=%s;auth_pass=%s;regint=60;answermode=auto;"
    .. "audio_codecs=PCMU/8000/1\n"):format(user, server.port, user, password)
end

local function recorded(server, url)
  return audio.read(("%s/store/recordings/%s.wav"):format(server.folder, url:match "/(RE%x+)$"))
end

describe("baresip as a phone", function()
  it("V2 logs in, is dialled as <Client> and talks", function()
    local server <close> = strict()
    local phone <close> = baresip.start(account(server, "alice", "wonder"), { tone = THEIRS })
    phone:await "200 OK"
    server.process:await("alice is registered at udp:127", "err")
    server.web["/voice"] = '<Response><Dial action="/after" record="record-from-answer-dual">'
      .. "<Client>alice</Client></Dial></Response>"
    server.web["/after"] = "<Response/>"
    local desk <close> = assert(moonline.agent())
    local call <close> = assert(desk:call("sip:line@127.0.0.1:" .. server.port,
      { from = "desk", username = "desk", password = "secret" }))
    call.core:play { tone = tostring(OWN), ms = 0 }
    for _ = 1, 10 do moonline.sleep(0.2) end
    call:hangup()
    local after = server:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("true", after.DialBridged)
    local wav = recorded(server, after.RecordingUrl)
    assert.is_true(audio.amplitude(wav[1], OWN, 0.7, 1.5) > 1000)
    assert.is_true(audio.amplitude(wav[2], THEIRS, 0.7, 1.5) > 1000)
    phone:await "terminated"
    local dump = phone:stop()
    assert.is_true(audio.amplitude(dump[1], OWN, 0.5, #dump[1] / dump.rate - 0.2) > 1000)
    server.process:await("alice at .* is not registered any more: it has left", "err")
    assert.equal(0, server:stop())
  end)

  it("V2 calls in with its password, and is answered", function()
    local server <close> = strict()
    server.web["/voice"] = '<Response><Play digits="1"/><Pause length="1"/><Hangup/></Response>'
    local phone <close> = baresip.start(account(server, "alice", "wonder"), { tone = THEIRS,
      execute = "/dial sip:line@127.0.0.1:" .. server.port })
    local asked = server:request("/voice").params
    assert.equal("alice", asked.SipUsername)
    assert.equal("sip:alice@127.0.0.1:" .. server.port, asked.From)
    phone:await "established"
    phone:await "terminated"
    phone:stop()
    assert.equal(0, server:stop())
  end)

  it("SIP-22 with a wrong password is not logged in", function()
    local server <close> = strict()
    local phone <close> = baresip.start(account(server, "alice", "wrong"), { tone = THEIRS })
    phone:await "401 Unauthorized"
    assert.is_nil(server.process:err():find("is registered", 1, true))
    phone:stop()
  end)
end)

describe("sipp as a carrier", function()
  it("V2 has its trunk registered by digest", function()
    local challenge = 'WWW-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5'
    local carrier <close> = sipp.start {
      sipp.recv "REGISTER", sipp.reply(401, { headers = { challenge } }),
      sipp.recv("REGISTER", { auth = true,
        action = '<verifyauth assign_to="good" username="line1" password="secret"/>',
        check = "Contact: .sip:line1@127" }),
      '<nop test="good" next="1"/>', sipp.reply(403), '<label id="1"/>',
      sipp.reply(200, { contact = "<sip:line1@127.0.0.1>;expires=600" }),
    }
    local server <close> = served.start(nil, { configuration = ([[
      trunks = { carrier = { proxy = "sip:127.0.0.1:%d", username = "line1", password = "secret",
        register = true } }]]):format(carrier.port) })
    carrier:done()
    process.eventually(function()
      return server:get("/health").body:find('"carrier":"registered"', 1, true)
    end, "the trunk registered")
    server:close()
  end)

  it("V2 asks for the password of a call (407), and takes it", function()
    local challenge = 'Proxy-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5'
    local carrier <close> = sipp.start {
      sipp.recv "INVITE", sipp.reply(407, { headers = { challenge } }), sipp.recv "ACK",
      sipp.recv("INVITE", { check = { "INVITE sip:.15550100@127", "P-Asserted-Identity",
        "Proxy-Authorization: Digest username=.line1., realm=.carrier., nonce=.abc." } }),
      sipp.reply(200, { sdp = true, retrans = true }), sipp.recv "ACK",
      sipp.hung_up(),
    }
    local server <close> = served.start({ "--http", "off" }, { configuration = ([[
      trunks = { carrier = { proxy = "sip:127.0.0.1:%d", username = "line1",
        password = "secret" } }]]):format(carrier.port) })
    server.web["/voice"] = '<Response><Dial action="/after">+1 555 0100</Dial></Response>'
    server.web["/after"] = "<Response/>"
    local caller <close> = sipp.start({ sipp.calling(), sipp.pause(200), sipp.hangup() },
      { remote = "127.0.0.1:" .. server.port })
    assert.equal("completed", server:request("/after").params.DialCallStatus)
    carrier:done()
    caller:done()
    assert.equal(0, server:stop())
  end)
end)

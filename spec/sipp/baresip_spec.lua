-- baresip takes a call: a tone travels both ways, heard where it arrives.
local audio = require "support.audio"
local baresip = require "support.baresip"
local moonline = require "moonline"
local served = require "support.served"

local OWN, THEIRS = 400, 1000 -- Hz that the caller, and baresip, send

local function account(address)
  return ("<sip:bob@%s:5060>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1\n"):format(address)
end

describe("baresip", function()
  it("S1 S8 answers a call, and both hear the tone of the other", function()
    local phone <close> = baresip.start(account, { tone = THEIRS })
    local server <close> = served.start()
    server.web["/voice"] = ('<Response><Dial action="/after" record="record-from-answer-dual">'
      .. "<Sip>%s</Sip></Dial></Response>"):format(phone.uri)
    server.web["/after"] = "<Response/>"
    local alice <close> = assert(moonline.agent())
    local call <close> = assert(alice:call("sip:line@127.0.0.1:" .. server.port))
    call.core:play { tone = tostring(OWN), ms = 0 }
    for _ = 1, 10 do moonline.sleep(0.2) end
    call:hangup()
    local after = server:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    local sid = after.RecordingUrl:match "/(RE%x+)$"
    local recorded = audio.read(("%s/store/recordings/%s.wav"):format(server.folder, sid))
    assert.is_true(audio.amplitude(recorded[1], OWN, 0.7, 1.5) > 1000)
    assert.is_true(audio.amplitude(recorded[2], THEIRS, 0.7, 1.5) > 1000)
    phone:await "terminated"
    local dump = assert(phone:stop(), "baresip heard nothing")
    local seconds = #dump[1] / dump.rate
    assert.is_true(seconds > 1)
    assert.is_true(audio.amplitude(dump[1], OWN, 0.5, seconds - 0.2) > 1000)
    assert.is_true(audio.amplitude(dump[1], THEIRS, 0.5, seconds - 0.2) < 100)
    assert.equal(0, server:stop())
  end)
end)

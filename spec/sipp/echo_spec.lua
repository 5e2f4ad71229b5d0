-- sipp sends back what it hears: audio through the bridge and back, on both sides of a call.
local audio = require "support.audio"
local moonline = require "moonline"
local served = require "support.served"
local sipp = require "support.sipp"

local HZ = 700

-- Plays a tone for a while.
local function hum(leg, seconds)
  leg.core:play { tone = tostring(HZ), ms = 0 }
  for _ = 1, seconds * 5 do moonline.sleep(0.2) end
end

local function recorded(server, params)
  local sid = params.RecordingUrl:match "/(RE%x+)$"
  return audio.read(("%s/store/recordings/%s.wav"):format(server.folder, sid))
end

describe("an echo", function()
  it("S1 S8 comes back from a callee", function()
    local server <close> = served.start()
    local bob <close> = sipp.start({ sipp.recv "INVITE", sipp.reply(200, { sdp = true }),
      sipp.recv "ACK", sipp.hung_up() }, { echo = true })
    server.web["/voice"] = ('<Response><Dial action="/after" record="record-from-answer-dual">'
      .. "<Sip>%s</Sip></Dial></Response>"):format(bob.uri)
    server.web["/after"] = "<Response/>"
    local alice <close> = assert(moonline.agent())
    local call <close> = assert(alice:call("sip:line@127.0.0.1:" .. server.port))
    hum(call, 1)
    call:hangup()
    local both = recorded(server, server:request("/after").params)
    bob:done()
    assert.is_true(audio.amplitude(both[1], HZ, 0.3, 0.8) > 1000)
    assert.is_true(audio.amplitude(both[2], HZ, 0.3, 0.8) > 1000)
  end)

  it("comes back from a caller, whom our party hums to", function()
    local server <close> = served.start()
    local kate <close> = assert(moonline.agent())
    kate:on("call", function(call)
      call:answer()
      hum(call, 1)
      call:hangup()
    end)
    server.web["/voice"] = ('<Response><Dial action="/after" record="record-from-answer-dual">'
      .. "<Sip>%s</Sip></Dial></Response>"):format(kate:uri "kate")
    server.web["/after"] = "<Response/>"
    local caller <close> = sipp.start({ sipp.calling(), sipp.hung_up() },
      { remote = "127.0.0.1:" .. server.port, echo = true })
    local both = recorded(server, server:request("/after").params)
    caller:done()
    assert.is_true(audio.amplitude(both[1], HZ, 0.3, 0.8) > 1000)
    assert.is_true(audio.amplitude(both[2], HZ, 0.3, 0.8) > 1000)
  end)
end)

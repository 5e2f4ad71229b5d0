-- baresip takes a call: a tone travels both ways, heard where it arrives.
local audio = require "support.audio"
local lfs = require "lfs"
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"

local MODULES = "/usr/lib/baresip/modules"
local OWN, THEIRS = 400, 1000 -- Hz that the caller, and baresip, send

local CONFIG = [[
sip_listen 127.0.0.1:%d
net_interface 127.0.0.1
rtp_ports %d-%d
audio_source aufile,%s/tone.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
snd_path %s
module_path %s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
]]

-- A baresip with a folder of its own that answers by itself.
local function baresip(folder)
  local port, rtp = process.port(), process.port() & ~1
  audio.write(folder .. "/tone.wav", audio.sines({ { THEIRS, 10 } }, 8000))
  process.write(folder .. "/config",
    CONFIG:format(port, rtp, rtp + 20, folder, folder, MODULES))
  process.write(folder .. "/accounts", ("<sip:bob@127.0.0.1:%d>;regint=0;answermode=auto;"
    .. "audio_codecs=PCMU/8000/1\n"):format(port))
  process.write(folder .. "/contacts", "")
  local phone = process.start({ "baresip", "-f", folder }, { directory = folder })
  phone:await "baresip is ready"
  return phone, ("sip:bob@127.0.0.1:%d"):format(port)
end

-- What baresip heard: its dump of the received audio, finished when the call is over.
local function heard(folder)
  for name in lfs.dir(folder) do
    if name:find "^dump.*dec%.wav$" then return audio.read(folder .. "/" .. name) end
  end
  return nil
end

describe("baresip", function()
  it("S1 S8 answers a call, and both hear the tone of the other", function()
    local folder = process.folder()
    local phone <close>, uri = baresip(folder)
    local server <close> = served.start()
    server.web["/voice"] = ('<Response><Dial action="/after" record="record-from-answer-dual">'
      .. "<Sip>%s</Sip></Dial></Response>"):format(uri)
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
    phone:signal "TERM"
    phone:exit()
    local dump = assert(heard(folder), "baresip heard nothing")
    local seconds = #dump[1] / dump.rate
    assert.is_true(seconds > 1)
    assert.is_true(audio.amplitude(dump[1], OWN, 0.5, seconds - 0.2) > 1000)
    assert.is_true(audio.amplitude(dump[1], THEIRS, 0.5, seconds - 0.2) < 100)
    assert.equal(0, server:stop())
    process.remove(folder)
  end)
end)

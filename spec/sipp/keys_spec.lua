-- Keys of the configuration, seen from outside.
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"
local task = require "moonline.core.task"

local STAY = '<Response><Gather timeout="20"/></Response>'

local function set(...)
  local arguments = { "--http", "off" }
  for _, text in ipairs { ... } do
    arguments[#arguments + 1], arguments[#arguments + 2] = "--set", text
  end
  return arguments
end

local function call(server, steps, options)
  options = options or {}
  options.remote = "127.0.0.1:" .. server.port
  local one <close> = sipp.start(steps, options)
  return one:done()
end

describe("the configuration", function()
  it("says what Via, Contact, SDP and session timers name, and which codecs there are", function()
    local server <close> = served.start(set("sip.advertise=203.0.113.6", "rtp.listen=127.0.0.3",
      "rtp.advertise=203.0.113.5", "media.codecs={'PCMA'}", "sip.session_expires=600",
      "rtp.ports={30000,30009}"))
    server.web["/voice"] = STAY
    call(server, {
      sipp.request("INVITE", { headers = { "Supported: timer" } }),
      sipp.recv(100, { optional = true }), sipp.recv(180), sipp.recv(200, { check = {
        "c=IN IP4 203.0.113.5", "m=audio 3000[02468] RTP/AVP 8 101", "Session-Expires: 600",
        "Contact: .sip:203.0.113.6:" .. server.port } }),
      sipp.ack { sdp = sipp.sdp { ["RTP/AVP 0 101"] = "RTP/AVP 8 101", ["0 PCMU"] = "8 PCMA" } },
      sipp.hangup(),
    })
    call(server, { sipp.request("INVITE", { sdp = true }), sipp.refused(488) })
    assert.equal(0, server:stop())
  end)

  it("ends a call without audio after rtp.timeout", function()
    local server <close> = served.start(set "rtp.timeout=0.5")
    server.web["/voice"] = STAY
    local begun = task.clock()
    call(server, { sipp.calling(), sipp.hung_up() })
    local took = task.clock() - begun
    assert.is_true(took > 0.5 and took < 3)
    server.process:await("no RTP came any more", "err")
  end)

  it("refuses calls when Lua holds more than limits.memory_mb", function()
    local folder = process.folder()
    local script = process.write(folder .. "/big.lua", 'local m = require "moonline"\n'
      .. 'kept = {} for i = 1, 12 do kept[i] = ("x"):rep(1024 * 1024 + i) end\n'
      .. 'm.on("call", function(call) call:reject(#kept > 0 and 486) end)\n')
    local arguments = set "limits.memory_mb=16"
    arguments[#arguments + 1], arguments[#arguments + 2] = "--script", script
    local server <close> = served.start(arguments)
    call(server, { sipp.request("INVITE", { sdp = true }),
      sipp.refused(503, 1, { check = "Retry-After: [0-9]+" }) })
    server.process:await("limits.memory_mb", "err")
    process.write(script, (process.read(script):gsub("12 do", "1 do")))
    server.process:await("generation 2 of the policy", "err")
    call(server, { sipp.request("INVITE", { sdp = true }), sipp.refused(486) })
    process.remove(folder)
  end)

  it("sends calls through a region, and names through sip.resolve", function()
    local bob <close> = sipp.start { sipp.recv("INVITE", { check = {
      "INVITE sip:bob@far.example.com:[0-9]+ ", "Via: SIP/2.0/UDP 127.0.0.2:",
      "c=IN IP4 127.0.0.2" } }), sipp.reply(486), sipp.recv "ACK" }
    local server <close> = served.start(set("sip.regions.ie1.bind=127.0.0.2",
      "sip.resolve={['far.example.com']='127.0.0.1'}"))
    server.web["/voice"] = ('<Response><Dial action="/after"><Sip>%s;region=ie1</Sip></Dial>'
      .. "</Response>"):format((bob.uri:gsub("127%.0%.0%.1", "far.example.com")))
    server.web["/after"] = "<Response/>"
    call(server, { sipp.calling(), sipp.hung_up() })
    bob:done()
    assert.equal("busy", server:request("/after").params.DialCallStatus)
  end)
end)

-- Two offers at once, and an answer that is never acknowledged.
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"

local HOLDS = [[
local moonline = require "moonline"
moonline.on("call", function(call)
  call:answer()
  moonline.sleep(0.1)
  call.core:hold(true)
  call:wait { "digit" }
end)
]]

describe("a foreign caller", function()
  it("holds while it is being held: 491, and later again", function()
    local folder = process.folder()
    local server <close> = served.start { "--http", "off", "--set", "script.trusted=true",
      "--script", process.write(folder .. "/holds.lua", HOLDS) }
    local one <close> = sipp.start({
      sipp.calling(), sipp.recv("INVITE", { check = "a=sendonly" }),
      sipp.request("INVITE", { dialog = true, sdp = true }), sipp.refused(491, 2),
      sipp.final(491, { in_dialog = true }), sipp.recv "ACK",
      sipp.recv("INVITE", { check = "a=sendonly" }),
      sipp.final(200, { in_dialog = true, sdp = sipp.sdp {
        ["a=rtpmap:0"] = "a=recvonly\na=rtpmap:0" } }),
      sipp.recv "ACK", sipp.hangup(),
    }, { remote = "127.0.0.1:" .. server.port })
    one:done()
    assert.equal(0, server:stop())
    process.remove(folder)
  end)
end)

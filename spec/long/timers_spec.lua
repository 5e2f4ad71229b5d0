-- Timers of SIP that run for half a minute and more; the three peers wait at the same time.
local served = require "support.served"
local sipp = require "support.sipp"
local task = require "moonline.core.task"

local LIFE = 90

describe("a foreign peer", function()
  it("never acknowledges, lets the session go stale, or waits to be refreshed", function()
    local server <close> = served.start({ "--http", "off" }, { life = LIFE })
    server.web["/voice"] = '<Response><Gather timeout="80"/></Response>'
    local remote = { remote = "127.0.0.1:" .. server.port, life = LIFE }
    local function session(refresher)
      return sipp.calling { sdp = true, headers = { "Supported: timer", "Allow: INVITE, UPDATE",
        "Session-Expires: 90;refresher=" .. refresher } }
    end
    local begun = task.clock()
    local silent <close> = sipp.start({
      sipp.request("INVITE", { sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(180, { optional = true }), sipp.recv(200), sipp.hung_up(),
    }, remote)
    local refreshed <close> = sipp.start({
      session "uas", sipp.recv("UPDATE", { check = "Session-Expires: 90" }),
      sipp.reply(200, { in_dialog = true, headers = { "Session-Expires: 90;refresher=uac" } }),
      sipp.hangup(),
    }, remote)
    local stale <close> = sipp.start({ session "uac", sipp.hung_up() }, remote)
    silent:done(60)
    local seconds = task.clock() - begun
    assert.is_true(seconds > 31 and seconds < 34)
    refreshed:done(60)
    seconds = task.clock() - begun
    assert.is_true(seconds > 44 and seconds < 47)
    stale:done(60)
    seconds = task.clock() - begun
    assert.is_true(seconds > 58 and seconds < 63)
    assert.equal(0, server:stop())
  end)
end)

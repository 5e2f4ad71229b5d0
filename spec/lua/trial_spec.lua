-- V4: the kit that people try their verbs and scripts with.
local moonline = require "moonline"
local process = require "support.process"
local sys = require "moonline.core.sys"
local trial = require "moonline.trial"

describe("V4 moonline.trial", function()
  it("tells what was said, requested and warned, and how the call ended", function()
    local t <close> = trial.open()
    t.web["/keys"] = function(request)
      return ("<Response><Say>%s</Say></Response>"):format(request.params.Digits)
    end
    assert.is_table(t:call [[<Gather action="/keys" numDigits="2" method="PUT">
      <Say>Two keys.</Say></Gather>]])
    t:press "12"
    local params, request = t:request "/keys"
    assert.equal("12", params.Digits)
    assert.equal("POST", request.method)
    assert.equal("completed", t:ended())
    assert.is_true(t:said "Two keys")
    assert.is_true(t:said "12")
    assert.is_false(t:said "Three")
    assert.truthy(t:warned(13312))
    assert.is_nil(t:warned(13313))
  end)

  it("calls again, and says why a call was not taken", function()
    local t <close> = trial.open()
    local leg, why, status = t:call "<Reject reason='busy'/>"
    assert.is_nil(leg)
    assert.equal("busy", why)
    assert.equal(486, status)
    assert.equal("busy", t:ended())
    assert.is_table(t:call "<Pause length='1'/>")
    assert.equal("completed", t:ended())
  end)

  it("tries a script, and keeps other settings of twiml beside the verbs", function()
    local folder = process.folder()
    local script = process.write(folder .. "/a.lua", [[
      require("moonline").on("call", function(call) call:say("Hello from Lua.") end)]])
    do
      local t <close> = trial.open { voice = { script = script } }
      t:call()
      t:ended()
      assert.is_true(t:said "Hello from Lua.")
    end
    local t <close> = trial.open { verbs = folder .. "/none", twiml = { mode = "strict" } }
    assert.is_nil((t:call "<Dail/>"))
    process.remove(folder)
  end)

  it("leaves nothing behind, in the middle of a call either", function()
    trial.open():close()
    moonline.sleep(40)
    collectgarbage()
    local before = sys.counts()
    do
      local t <close> = trial.open()
      t:call "<Pause length='600'/><Pause length='600'/>"
    end
    moonline.sleep(40) -- finished transactions live 32 s
    collectgarbage()
    collectgarbage()
    for name, count in pairs(sys.counts()) do
      assert.is_true(count <= (before[name] or 0), name)
    end
  end)
end)

-- The main path: a call in, a document, a call out, talk, the end.
local moonline = require "moonline"
local stage = require "support.stage"

local function stay(call)
  while true do call:wait { "digit" } end
end

describe("a call", function()
  it("S1 S12 is connected with the party that the document dials", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      stay(call)
    end)
    s.web["/voice"] = stage.twiml('<Dial action="/after"><Sip>\n  ' .. kate.address
      .. "\n</Sip></Dial>")
    s.web["/after"] = stage.twiml("<Hangup/>")
    local alice = assert(s:call())
    moonline.sleep(5)
    alice:hangup()
    local after = s:request "/after"
    assert.equal("completed", after.params.DialCallStatus)
    assert.equal("5", after.params.DialCallDuration)
    assert.equal("true", after.params.DialBridged)
    assert.equal("200", after.params.DialSipResponseCode)
    s:quiet()
  end)
end)

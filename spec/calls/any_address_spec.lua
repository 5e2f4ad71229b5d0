-- A server that listens on all addresses of its machine tells each peer the one it is reached at.
local stage = require "support.stage"
local wire = require "support.wire"

local function header(text, name)
  return text:match("\r\n" .. name .. ": ([^\r\n]*)")
end

describe("listening on 0.0.0.0", function()
  it("S5 S6 names a real address in Contact, Via and SDP, and audio passes", function()
    local s <close> = stage.open {
      sip = { listen = { "udp:0.0.0.0:0" } }, rtp = { listen = "0.0.0.0" },
    }
    local invite
    local kate = s:phone("kate", function(call)
      invite = wire.of_leg(call)
      call:answer()
      call:send_digits "5"
      while true do call:wait { "digit" } end
    end)
    s.web["/voice"] = stage.twiml("<Dial><Sip>" .. kate.address .. "</Sip></Dial>")
    local port = s.server.addresses[1]:match(":(%d+)$")
    local alice = assert(s:call { uri = "sip:line@127.0.0.1:" .. port })
    assert.equal("5", alice:wait({ "digit" }, 5).digit)
    local contact = "<sip:127.0.0.1:" .. port .. ">"
    assert.equal(contact, invite:get "contact")
    assert.matches("^SIP/2.0/UDP 127%.0%.0%.1:" .. port, invite:get "via")
    local told = {}
    for _, event in ipairs(s:seen "message") do
      if event.sent and event.text:find("\r\nc=", 1, true) then
        told[#told + 1] = event.text:match "\r\nc=([^\r\n]*)"
        assert.equal(contact, header(event.text, "Contact"))
      end
    end
    assert.same({ "IN IP4 127.0.0.1", "IN IP4 127.0.0.1" }, told)
    alice:hangup()
    s:quiet()
  end)
end)

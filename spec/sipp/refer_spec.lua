-- A foreign caller is asked to call somebody else.
local served = require "support.served"
local sipp = require "support.sipp"

local server

local REFER <const> = '<Response><Refer action="/after"><Sip>sip:kate@example.com?X-Account=7</Sip>'
  .. "</Refer></Response>"

local function notify(fragment, state)
  return sipp.request("NOTIFY", { dialog = true, body = fragment .. "\n",
    type = "message/sipfrag;version=2.0",
    headers = { "Event: refer", "Subscription-State: " .. state } }) .. sipp.recv(200)
end

-- The caller does this once it is asked; what action is told.
local function refer(steps)
  local caller <close> = sipp.start({ sipp.calling(),
    sipp.recv("REFER", { check = "Refer-To: .sip:kate@example.com.X-Account=7." }),
    sipp.all(steps), sipp.hung_up() }, { remote = "127.0.0.1:" .. server.port })
  caller:done()
  local params = server:request("/after").params
  return { params.ReferCallStatus, params.ReferSipResponseCode, params.NotifySipResponseCode }
end

describe("V2 Refer of a foreign caller", function()
  setup(function()
    server = served.start { "--http", "off", "--sip", "udp:127.0.0.1:0" }
  end)
  teardown(function()
    local status = server:stop()
    server:close()
    assert.equal(0, status)
  end)
  before_each(function()
    server:fresh()
    server.web["/voice"], server.web["/after"] = REFER, "<Response/>"
  end)

  it("is accepted, and ends with the call it was about", function()
    assert.same({ "in-progress", "202", "200" }, refer {
      sipp.reply(202, { in_dialog = true }),
      notify("SIP/2.0 100 Trying", "active;expires=60"),
      notify("SIP/2.0 200 OK", "terminated;reason=noresource"),
    })
  end)

  it("is refused", function()
    assert.same({ "failed", "405" }, refer { sipp.reply(405, { in_dialog = true }) })
  end)

  it("leads to somebody who is busy", function()
    assert.same({ "busy", "202", "486" }, refer {
      sipp.reply(202, { in_dialog = true }),
      notify("SIP/2.0 486 Busy Here", "terminated;reason=noresource"),
    })
  end)
end)

-- The ladder: columns, arrows, order.
local ladder = require "moonline.sim.ladder"

local INVITE = "INVITE sip:kate@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n" ..
  "Content-Type: application/sdp\r\n\r\n"
local RINGING = "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"

local function message(time, sent, text)
  return { kind = "message", time = time, sent = sent, transport = "udp", text = text,
    local_address = "127.0.0.1:5060", remote = "127.0.0.1:5080" }
end

local function new()
  local l = ladder.new { "moonline", "callee" }
  l:party("moonline", "udp:127.0.0.1:5060")
  l:party("callee", "127.0.0.1:5080")
  return l
end

describe("sim ladder", function()
  it("draws a request to the right and its response to the left", function()
    local l = new()
    local right, left = l:add(message(10, true, INVITE)), l:add(message(10.25, false, RINGING))
    assert.matches("^   0%.000 .*| *%-+ INVITE sip:kate.* %-*>|$", right)
    assert.matches("^   0%.250 .*|<%-* 180 Ringing %(INVITE%) %-+|$", left)
  end)

  it("keeps the lifelines in their columns", function()
    local l = new()
    local line = l:add(message(0, true, RINGING))
    local verb = l:add { kind = "verb", name = "Dial", line = 3, time = 0 }
    assert.equal(line:find("|", 1, true), verb:find("*", 1, true))
    assert.equal(#line, verb:find("|", 1, true))
    assert.matches("%* <Dial> %(line 3%)", verb)
  end)

  it("tells a message once when both ends are ours", function()
    local l = new()
    assert.is_string(l:add(message(0, true, INVITE)))
    local received = message(0.001, false, INVITE)
    received.local_address, received.remote = received.remote, received.local_address
    assert.is_nil(l:add(received))
    assert.is_string(l:add(message(0.5, true, INVITE)), "a retransmission is told again")
  end)

  it("sorts by time and gives strangers a column", function()
    local l = new()
    local text = l:text {
      { kind = "http", from = "moonline", to = "web app", label = "POST /voice", time = 2 },
      message(1, true, INVITE),
      { kind = "nothing" },
    }
    local lines = {}
    for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.equal(3, #lines)
    assert.matches("moonline.*callee.*web app", lines[1])
    assert.matches("INVITE", lines[2])
    assert.matches("1%.000.*POST /voice", lines[3])
  end)

  it("writes labels beside narrow columns for a terminal", function()
    local l = ladder.new({ "moonline", "web app" }, { aside = true })
    local line = l:add { kind = "webhook", time = 0, method = "POST", what = "status ringing",
      url = "https://myapp.com/calls/events?a=1" }
    assert.equal("   0.000     |-------->|      POST /calls/events (status ringing)", line)
    local verb = l:add { kind = "verb", name = "Dial", line = 3, time = 0.5 }
    assert.equal(line:find("POST", 1, true), verb:find("<Dial>", 1, true))
  end)

  it("colours only when asked", function()
    local l = ladder.new({ "a" }, { colour = true })
    local note = { kind = "note", at = "a", text = "x", time = 0 }
    assert.matches("\27%[", l:add(note))
    assert.not_matches("\27", ladder.new({ "a" }):add(note))
  end)

  it("survives bytes that are no SIP", function()
    assert.matches("not SIP", new():add(message(0, false, "\0\255garbage")))
  end)
end)

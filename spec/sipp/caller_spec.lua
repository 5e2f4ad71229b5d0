-- sipp calls the server.
local served = require "support.served"
local sipp = require "support.sipp"

local STAY = '<Response><Gather timeout="20"/></Response>' -- answers, and waits for a key
local RINGS = '<Response><Pause length="20"/></Response>' -- a Pause first delays the answer

local server

-- sipp calls; the whole scenario must come to its end.
local function call(steps, options)
  options = options or {}
  options.remote = "127.0.0.1:" .. server.port
  local caller <close> = sipp.start(steps, options)
  return caller:done()
end

local function count(text, pattern)
  local _, n = text:gsub(pattern, "")
  return n
end

describe("a foreign caller", function()
  setup(function()
    server = served.start { "--http", "off", "--sip", "udp:127.0.0.1:0", "--sip",
      "tcp:127.0.0.1:0" }
  end)
  teardown(function()
    local status = server:stop()
    local log = server.process:err()
    server:close()
    assert.equal(0, status)
    assert.is_nil(log:find(" error ", 1, true))
  end)
  before_each(function()
    server:fresh()
    server.web["/voice"] = STAY
  end)

  it("is answered, and hangs up", function()
    local seen = call({ sipp.calling { sdp = true, headers = { "X-Shoe-Size: 43" } },
      sipp.pause(50), sipp.hangup() }, { service = "sales" })
    assert.truthy(seen:find("SIP/2.0 100 ", 1, true))
    local params = server:request("/voice").params
    assert.equal("inbound", params.Direction)
    assert.equal("43", params["SipHeader_X-Shoe-Size"])
    assert.equal("127.0.0.1", params.SipSourceIp)
    assert.equal("sip:sales@127.0.0.1:" .. server.port, params.To)
    assert.equal(seen:match("Call%-ID: ([^\r\n]+)"), params.SipCallId)
  end)

  it("comes over TCP", function()
    local tcp = tonumber(server.addresses[2]:match("(%d+)$"))
    local caller <close> = sipp.start({ sipp.calling(), sipp.hangup() },
      { remote = "127.0.0.1:" .. tcp, transport = "t1" })
    assert.truthy(caller:done():find("Contact: <sip:127.0.0.1:" .. tcp .. ";transport=tcp>", 1,
      true))
  end)

  it("leaves the offer to us", function()
    call {
      sipp.request("INVITE"), sipp.recv(100, { optional = true }), sipp.recv(180),
      sipp.recv(200, { check = "m=audio [0-9]+ RTP/AVP 0 8 101" }), sipp.ack { sdp = true },
      sipp.pause(50), sipp.hangup(),
    }
  end)

  it("holds and takes back, by re-INVITE and by UPDATE", function()
    local held = sipp.sdp { ["a=rtpmap:0"] = "a=sendonly\na=rtpmap:0" }
    call {
      sipp.calling(),
      sipp.request("INVITE", { dialog = true, sdp = held }), sipp.recv(100, { optional = true }),
      sipp.recv(200, { check = "a=recvonly" }), sipp.ack(),
      sipp.request("INVITE", { dialog = true, sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(200, { without = "a=recvonly" }), sipp.ack(),
      sipp.request("UPDATE", { dialog = true, sdp = held }),
      sipp.recv(200, { check = "a=recvonly" }),
      sipp.request("UPDATE", { dialog = true }),
      sipp.recv(200, { check = "Content-Length: 0" }),
      sipp.hangup(),
    }
  end)

  it("requires reliable provisional responses", function()
    server.web["/voice"] = RINGS
    call {
      sipp.request("INVITE", { sdp = true, headers = { "Require: 100rel" } }),
      sipp.recv(100, { optional = true }),
      sipp.recv(180, { rrs = true, check = "Require: 100rel", action =
        '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/>' }),
      sipp.request("PRACK", { dialog = true, headers = { "RAck: [$rseq] 1 INVITE" } }),
      sipp.recv(200),
      sipp.cancel(), sipp.recv(200), sipp.refused(487),
    }
  end)

  it("asks for too short a session, then refreshes a good one", function()
    call {
      sipp.request("INVITE", { sdp = true,
        headers = { "Supported: timer", "Session-Expires: 60" } }),
      sipp.refused(422, 1, { check = "Min-SE: 90" }),
      sipp.calling { sdp = true, headers = { "Supported: timer",
        "Session-Expires: 120;refresher=uac" } },
      sipp.request("UPDATE", { dialog = true, headers = { "Supported: timer",
        "Session-Expires: 120;refresher=uac" } }),
      sipp.recv(200, { check = "Session-Expires: 120" }),
      sipp.hangup(),
    }
  end)

  it("asks with OPTIONS, outside and inside a dialog, and in one that is not", function()
    call {
      sipp.request("OPTIONS"), sipp.recv(200, { check = { "Allow: .*INVITE", "Accept: " } }),
    }
    call { sipp.calling(), sipp.request("OPTIONS", { dialog = true }), sipp.recv(200),
      sipp.hangup(), sipp.request("OPTIONS", { dialog = true }), sipp.recv(481) }
  end)

  it("gives up while it rings", function()
    server.web["/voice"] = RINGS
    call {
      sipp.request("INVITE", { sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(180), sipp.cancel(), sipp.recv(200), sipp.refused(487),
    }
  end)

  it("gives up too late: a CANCEL after the 200 changes nothing", function()
    call {
      sipp.request("INVITE", { sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(180, { optional = true }), sipp.recv(200, { action =
        '<ereg regexp=";tag=.*" search_in="hdr" header="To:" assign_to="tag"/>' }),
      sipp.cancel(), sipp.recv(481), -- RFC 3261 9.2: the transaction ended with its 200
      sipp.ack { to = "[$tag]" }, sipp.request("BYE", { dialog = true, to = "[$tag]" }),
      sipp.recv(200),
    }
  end)

  -- sipp answers a 200 that comes again with what it sent last: the INVITE, once more.
  it("is late with its ACK, and repeats its INVITE", function()
    local seen = call {
      sipp.request("INVITE", { sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(180, { optional = true }), sipp.recv(200), sipp.pause(700),
      sipp.ack(), sipp.hangup(),
    }
    assert.equal(1, #server.requests)
    assert.is_true(count(seen, "CSeq: 1 INVITE\r?\nContact[^\n]+\nServer") >= 2)
  end)

  it("sends what we do not take: REFER, INFO, MESSAGE, SUBSCRIBE, and something new", function()
    call {
      sipp.calling(),
      sipp.request("REFER", { dialog = true, headers = { "Refer-To: <sip:kate@127.0.0.1>" } }),
      sipp.recv(603),
      sipp.request("INFO", { dialog = true }), sipp.recv(200),
      sipp.request("MESSAGE", { dialog = true, body = "hello", type = "text/plain" }),
      sipp.recv(405, { check = "Allow: " }),
      sipp.request("JUMP", { dialog = true }), sipp.recv(501),
      sipp.hangup(),
    }
    call { sipp.request("SUBSCRIBE", { headers = { "Event: presence" } }), sipp.recv(405) }
  end)

  it("presses a key by INFO", function()
    server.web["/voice"] = '<Response><Gather numDigits="1" action="/key"/></Response>'
    server.web["/key"] = "<Response/>"
    call {
      sipp.calling(), sipp.pause(50),
      sipp.request("INFO", { dialog = true, body = "Signal=7\nDuration=160\n",
        type = "application/dtmf-relay" }),
      sipp.recv(200), sipp.hung_up(),
    }
    assert.equal("7", server:request("/key").params.Digits)
  end)

  it("offers what we cannot do: SRTP alone, a fax", function()
    local function refused(offer)
      call { sipp.request("INVITE", { sdp = offer }), sipp.refused(488) }
    end
    refused(sipp.sdp { ["RTP/AVP"] = "RTP/SAVP" })
    refused(sipp.sdp { ["m=audio [media_port] RTP/AVP 0 101"] = "m=image [media_port] udptl t38",
      ["a=rtpmap:0 PCMU/8000"] = "a=T38FaxVersion:0" })
    call {
      sipp.calling(),
      sipp.request("INVITE", { dialog = true, sdp = sipp.sdp {
        ["m=audio [media_port] RTP/AVP 0 101"] = "m=image [media_port] udptl t38" } }),
      sipp.refused(488, 2),
      sipp.hangup(),
    }
  end)

  it("is refused for what its INVITE asks", function()
    local function refused(code, given, check)
      given.sdp = given.body and nil or true
      call { sipp.request("INVITE", given), sipp.refused(code, 1, { check = check }) }
    end
    refused(420, { headers = { "Require: precondition" } }, "Unsupported: precondition")
    refused(415, { body = "hello", type = "text/plain" }, "Accept: application/sdp")
    assert.equal(0, #server.requests)
  end)
end)

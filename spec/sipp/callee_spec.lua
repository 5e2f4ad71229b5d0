-- The server calls sipp, for a caller that is sipp, too.
local served = require "support.served"
local sipp = require "support.sipp"

local server

local function dial(uri, attributes, noun)
  return ('<Response><Dial action="/after" %s><Sip %s>%s</Sip></Dial></Response>'):format(
    attributes or "", noun or "", uri)
end

-- Calls in, with the document dialling one sipp that follows these steps: the parameters of the
-- action request, and what sipp saw.
local function dialled(steps, options)
  options = options or {}
  local bob <close> = sipp.start(steps, { echo = options.echo, arguments = options.arguments })
  server.web["/voice"] = dial(options.uri and options.uri(bob) or bob.uri, options.attributes,
    options.noun)
  server.web["/after"] = "<Response/>"
  local caller <close> = sipp.start(options.caller or { sipp.calling(), sipp.hung_up() },
    { remote = "127.0.0.1:" .. server.port })
  local after = server:request "/after"
  local seen = bob:done()
  caller:done()
  return after.params, seen
end

-- Takes the call after ringing; `given` is for the 200, `invite` for the recv of the INVITE.
local function answers(given, invite)
  given = given or {}
  given.sdp = given.sdp == nil and true or given.sdp
  given.retrans = true
  return sipp.recv("INVITE", invite) .. sipp.reply(100) .. sipp.reply(180)
    .. sipp.reply(200, given) .. sipp.recv "ACK"
end

local function refuses(code, given)
  return { sipp.recv "INVITE", sipp.reply(code, given), sipp.recv "ACK" }
end

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

describe("a foreign callee", function()
  setup(function() server = served.start { "--http", "off" } end)
  teardown(function()
    local status = server:stop()
    local log = server.process:err()
    server:close()
    assert.equal(0, status)
    assert.is_nil(log:find(" error ", 1, true))
  end)
  before_each(function() server:fresh() end)

  it("S1 S2 S3 S12 takes a call with its headers, and is hung up with the caller", function()
    local after, seen = dialled({ answers(), sipp.hung_up { headers = { "X-Bye: now" } } }, {
      uri = function(bob) return bob.uri .. "?X-Colour=deep%20blue&amp;team=7" end,
      caller = { sipp.calling(), sipp.pause(100), sipp.hangup() },
    })
    assert.equal("completed", after.DialCallStatus)
    assert.equal("200", after.DialSipResponseCode)
    assert.equal("now", after["DialSipHeader_X-Bye"])
    has(seen, "\nX-Colour: deep blue\r\n")
    has(seen, "\nX-team: 7\r\n")
    has(seen, "\nX-Twilio-CallSid: " .. after.DialCallSid)
    has(seen, "\nX-Twilio-ApiVersion: 2010-04-01")
    assert.equal(seen:match("Call%-ID: ([^\r\n]+)"), after.DialSipCallId)
  end)

  it("S12 hangs up: the caller goes on", function()
    local after = dialled { answers(), sipp.pause(50), sipp.back("BYE", { cseq = 1,
      headers = { "X-Why: bored" } }), sipp.recv(200) }
    assert.equal("completed", after.DialCallStatus)
    assert.equal("true", after.DialBridged)
    assert.equal("bored", after["DialSipHeader_X-Why"])
  end)

  it("S13 refuses", function()
    for code, status in pairs { [486] = "busy", [480] = "no-answer", [603] = "busy",
      [500] = "failed" } do
      local after = dialled(refuses(code))
      assert.equal(status, after.DialCallStatus)
      assert.equal(tostring(code), after.DialSipResponseCode)
    end
  end)

  it("S3 S12 is not found, and says why in headers of its own", function()
    local after = dialled(refuses(404, { headers = { "X-Reason: moved", "X-Reason: away",
      "x-small: 1" } }))
    assert.equal("failed", after.DialCallStatus)
    assert.equal("404", after.DialSipResponseCode)
    assert.equal("moved, away", after["DialSipHeader_X-Reason"])
    assert.equal("1", after["DialSipHeader_x-small"])
  end)

  for code, header in pairs { [401] = "WWW-Authenticate", [407] = "Proxy-Authenticate" } do
    it(("S7 asks for a password with %d"):format(code), function()
      local challenge = ('%s: Digest realm="pbx.example.com", nonce="4a1b[pid]", algorithm=MD5, '
        .. 'qop="auth", opaque="xyz"'):format(header)
      local verify = '<verifyauth assign_to="right" username="alice" password="wonderland"/>'
        .. '<strcmp assign_to="same" variable="right" value="true"/>'
      local after, seen = dialled({
        sipp.recv "INVITE", sipp.reply(code, { headers = { challenge } }), sipp.recv "ACK",
        answers({ tag = "[pid]second" }, { action = verify }), sipp.hung_up(),
      }, {
        uri = function(bob) return bob.uri .. "?X-Kept=yes" end,
        noun = 'username="alice" password="wonderland"',
        caller = { sipp.calling(), sipp.pause(100), sipp.hangup() },
      })
      assert.equal("completed", after.DialCallStatus)
      local _, twice = seen:gsub("\nX%-Kept: yes", "")
      assert.equal(2, twice)
      has(seen, code == 401 and "\nAuthorization: Digest " or "\nProxy-Authorization: Digest ")
      has(seen, 'username="alice"')
      assert.is_nil(seen:find("wonderland", 1, true))
    end)
  end

  it("S7 refuses the password, too: failed", function()
    local challenge = 'WWW-Authenticate: Digest realm="a", nonce="%s", algorithm=MD5, qop="auth"'
    local after = dialled({
      sipp.recv "INVITE", sipp.reply(401, { headers = { challenge:format "one" } }),
      sipp.recv "ACK",
      sipp.recv "INVITE", sipp.reply(401, { headers = { challenge:format "two" } }),
      sipp.recv "ACK",
    }, { noun = 'username="alice" password="wrong"' })
    assert.equal("failed", after.DialCallStatus)
    assert.equal("401", after.DialSipResponseCode)
  end)

  it("S13 sends the call elsewhere", function()
    local kate <close> = sipp.start { answers(), sipp.hung_up() }
    local after = dialled(refuses(302, { contact = "<" .. kate.uri:gsub("bob", "kate") .. ">" }),
      { caller = { sipp.calling(), sipp.pause(150), sipp.hangup() } })
    assert.equal("completed", after.DialCallStatus)
    has(kate:done(), "INVITE sip:kate@127.0.0.1:" .. kate.port .. " ")
  end)

  it("S8 does not answer in time: CANCEL", function()
    local after = dialled({ sipp.recv "INVITE", sipp.reply(180),
      sipp.recv "CANCEL", sipp.reply(200), sipp.final(487), sipp.recv "ACK" },
      { attributes = 'timeout="1"' })
    assert.equal("no-answer", after.DialCallStatus)
    assert.equal("487", after.DialSipResponseCode)
  end)

  it("S13 answers while the CANCEL is on its way: ACK and BYE", function()
    local after = dialled({ sipp.recv "INVITE", sipp.reply(180),
      sipp.recv "CANCEL", sipp.reply(200), sipp.final(200, { sdp = true }), sipp.recv "ACK",
      sipp.hung_up() }, { attributes = 'timeout="1"' })
    assert.equal("no-answer", after.DialCallStatus)
  end)

  it("forks: the second answer is acknowledged and ended", function()
    dialled({
      sipp.recv "INVITE", sipp.reply(180, { tag = "one" }),
      sipp.reply(200, { sdp = true, tag = "one" }),
      sipp.recv "ACK", sipp.final(200, { sdp = true, tag = "two" }),
      sipp.recv("ACK", { check = "To: .*tag=two" }), sipp.recv("BYE", { check = "To: .*tag=two" }),
      sipp.reply(200, { in_dialog = true }),
      sipp.hung_up(),
    }, { caller = { sipp.calling(), sipp.pause(300), sipp.hangup() } })
  end)

  it("wants longer sessions: 422", function()
    local after = dialled({
      sipp.recv("INVITE", { check = "Session-Expires: 1800" }),
      sipp.reply(422, { headers = { "Min-SE: 3600" } }), sipp.recv "ACK",
      answers({ tag = "[pid]second", headers = { "Session-Expires: 3600;refresher=uas",
        "Require: timer" } }, { check = { "Session-Expires: 3600", "Min-SE: 3600" } }),
      sipp.hung_up(),
    }, { caller = { sipp.calling(), sipp.pause(150), sipp.hangup() } })
    assert.equal("completed", after.DialCallStatus)
  end)

  it("holds the call, refreshes it, and asks after it", function()
    local held = sipp.sdp { ["a=rtpmap:0"] = "a=sendonly\na=rtpmap:0" }
    local after = dialled({
      answers(), sipp.pause(50),
      sipp.back("INVITE", { cseq = 1, sdp = held }), sipp.recv(100, { optional = true }),
      sipp.recv(200, { check = "a=recvonly" }), sipp.back("ACK", { cseq = 1 }),
      sipp.back("UPDATE", { cseq = 2, sdp = true }), sipp.recv(200, { check = "a=sendrecv" }),
      sipp.back("OPTIONS", { cseq = 3 }), sipp.recv(200),
      sipp.back("REFER", { cseq = 4, headers = { "Refer-To: <sip:x@127.0.0.1>" } }),
      sipp.recv(603),
      sipp.back("BYE", { cseq = 5 }), sipp.recv(200),
    })
    assert.equal("completed", after.DialCallStatus)
  end)

  it("is reached through a proxy that stays on the path", function()
    local after, seen = dialled({
      sipp.recv "INVITE", sipp.reply(180),
      sipp.reply(200, { sdp = true, headers = {
        "Record-Route: <sip:127.0.0.1:[local_port];lr;via=here>" } }),
      sipp.recv("ACK", { check = "Route: .*sip:127.0.0.1:[0-9]+;lr;via=here" }),
      sipp.recv("BYE", { check = "Route: .*via=here" }), sipp.reply(200, { in_dialog = true }),
    }, { caller = { sipp.calling(), sipp.pause(100), sipp.hangup() } })
    assert.equal("completed", after.DialCallStatus)
    has(seen, "ACK sip:bob@127.0.0.1:")
  end)

  it("answers with what we cannot use: ACK, BYE, failed", function()
    local after = dialled {
      answers { sdp = sipp.sdp { ["RTP/AVP 0 101"] = "RTP/SAVP 0 101" } }, sipp.hung_up() }
    assert.equal("failed", after.DialCallStatus)
  end)
end)

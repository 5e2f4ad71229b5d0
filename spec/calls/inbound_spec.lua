-- The inbound leg on the wire: what it gets, and when.
local caller = require "support.caller"
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local stage = require "support.stage"

-- A caller's responses when /voice answers with this document, after some seconds.
local function answers(document, options)
  options = options or {}
  local s <close> = stage.open(options.configuration)
  s.web["/voice"] = function()
    moonline.sleep(options.delay or 0)
    return document
  end
  for path, page in pairs(options.web or {}) do s.web[path] = page end
  local begun = moonline.clock()
  local odd <close> = caller.open(s, { target = options.target and options.target(s) })
  local code = odd:wait()
  local seconds = moonline.clock() - begun
  moonline.sleep(0.5)
  if code == 200 then
    if options.stays then options.stays(s, odd) end
    odd:send("BYE", 9)
  end
  s:quiet()
  return odd:heard(), seconds, s.events
end

describe("an inbound call", function()
  it("gets 100 at once and 180 while the voice URL is fetched", function()
    local s <close> = stage.open()
    s.web["/voice"] = function()
      moonline.sleep(5)
      return stage.twiml "<Say>Hello.</Say>"
    end
    local begun = moonline.clock()
    local odd <close> = caller.open(s)
    moonline.sleep(0.2)
    assert.equal("100, 180", odd:heard())
    assert.equal(200, odd:wait())
    assert.near(5, moonline.clock() - begun, 0.2)
    assert.equal("100, 180, 200 with SDP", odd:heard())
    odd:send("BYE", 9)
    s:quiet()
  end)

  for _, verb in ipairs { "<Say>Hello.</Say>", '<Play digits="1"/>', "<Gather timeout='1'/>",
    "<Dial><Sip>sip:x@127.0.0.1:9</Sip></Dial>" } do
    it("gets 200 when the first verb needs audio: " .. verb, function()
      local heard, seconds = answers(stage.twiml(verb .. "<Pause length='5'/>"))
      assert.equal("100, 180, 200 with SDP", heard)
      assert.near(0, seconds, 0.3)
    end)
  end

  it("gets its answer after a first Pause, not before", function()
    local heard, seconds = answers(stage.twiml '<Pause length="4"/><Say>Hello.</Say>')
    assert.equal("100, 180, 200 with SDP", heard)
    assert.near(4, seconds, 0.2)
  end)

  it("may be cancelled during a first Pause", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Pause length="10"/><Redirect>/never</Redirect>'
    local odd <close> = caller.open(s)
    moonline.sleep(3)
    odd:cancel()
    assert.equal(487, odd:wait(2))
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)

  it("is refused by Reject: 486 busy, 603 otherwise, at once", function()
    assert.equal("100, 180, 486", (answers(stage.twiml '<Reject reason="busy"/>')))
    assert.equal("100, 180, 603", (answers(stage.twiml '<Reject reason="rejected"/>')))
    assert.equal("100, 180, 603", (answers(stage.twiml "<Reject/><Say>unreachable</Say>")))
  end)

  it("keeps ringing through Redirect, and is refused by the Reject it leads to", function()
    local heard, seconds = answers(stage.twiml "<Redirect>/more</Redirect>", { web = {
      ["/more"] = function(request)
        assert.equal("ringing", request.params.CallStatus)
        moonline.sleep(3)
        return stage.twiml '<Reject reason="busy"/>'
      end,
    } })
    assert.equal("100, 180, 486", heard)
    assert.near(3, seconds, 0.2)
  end)

  it("is answered and hung up by Hangup, and by an empty document", function()
    assert.equal("100, 180, 200 with SDP", (answers(stage.twiml "<Hangup/>")))
    assert.equal("100, 180, 200 with SDP", (answers(stage.twiml "")))
  end)

  it("Reject after the answer hangs up", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Say>Hello.</Say><Reject/>'
    local alice = assert(s:call())
    assert.equal("ended", party.ended(alice).kind)
    s:quiet()
  end)

  for _, case in ipairs {
    { "500", function() return 500, "no" end, 11200 }, { "404", nil, 11200 },
    { "no XML", "<Response><Say>", 12100 }, { "no Response", "<Say/>", 12102 },
  } do
    it("without a document and a fallback gets 500: " .. case[1], function()
      local s <close> = stage.open()
      s.web["/voice"] = case[2]
      local odd <close> = caller.open(s)
      assert.equal(500, odd:wait())
      assert.equal("100, 180, 500", odd:heard())
      assert.is_string(s:warned(case[3]))
      s:quiet()
    end)
  end

  it("without a document gets its fallback's, with ErrorCode and ErrorUrl", function()
    local s <close> = stage.open(function(url)
      return { voice = { fallback_url = url .. "/fallback" } }
    end)
    s.web["/voice"] = function() return 503, "no" end
    s.web["/fallback"] = stage.twiml '<Reject reason="busy"/>'
    local odd <close> = caller.open(s)
    assert.equal(486, odd:wait())
    local p = s:request("/fallback").params
    assert.equal("11200", p.ErrorCode)
    assert.equal(s.app.url .. "/voice", p.ErrorUrl)
    assert.equal("ringing", p.CallStatus)
    s:quiet()
  end)

  it("answered, and then without a document, hears the apology and gets BYE", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Say>Hello.</Say><Redirect>/gone</Redirect>'
    local alice = assert(s:call())
    local gone = s:request "/gone"
    assert.is_true(party.audio(alice, 2) > 60)
    local event = party.ended(alice)
    assert.equal("ended", event.kind)
    assert.is_true(event.time - gone.time < 10)
    assert.is_string(s:warned(11200))
    s:quiet()
  end)

  it("that nothing takes gets 404, and no webhook", function()
    local s <close> = stage.open(function(url)
      return { voice = { url = url .. "/voice" },
        numbers = { ["+15550100"] = { url = url .. "/number" } } }
    end)
    s.server.env.config.voice.url = nil
    assert(s.server:reload())
    local odd <close> = caller.open(s)
    assert.equal(404, odd:wait())
    assert.equal("100, 404", odd:heard())
    s.web["/number"] = stage.twiml "<Reject/>"
    local known <close> = caller.open(s, { target = s:uri "+15550100" })
    assert.equal(603, known:wait())
    assert.equal(1, #s.requests)
    s:quiet()
  end)

  it("goes to the entry of user@host, else of the user, else to voice", function()
    local s <close> = stage.open(function(url)
      return { numbers = { ["sales@127.0.0.1"] = { url = url .. "/host" },
        sales = { url = url .. "/user" }, ["kate"] = { url = url .. "/kate", method = "GET" } } }
    end)
    for _, path in ipairs { "/host", "/user", "/kate", "/voice" } do
      s.web[path] = stage.twiml "<Reject/>"
    end
    for _, user in ipairs { "sales", "kate", "bob" } do
      local odd <close> = caller.open(s, { target = s:uri(user) })
      assert.equal(603, odd:wait())
    end
    s:quiet()
    local paths = {}
    for i, request in ipairs(s.requests) do paths[i] = request.method .. " " .. request.path end
    assert.equal("POST /host, GET /kate, POST /voice", table.concat(paths, ", "))
  end)

  it("over limits.calls gets 503 with Retry-After before any webhook", function()
    local s <close> = stage.open { limits = { calls = 1 } }
    s.web["/voice"] = stage.twiml '<Say>Hello.</Say><Pause length="5"/>'
    local alice = assert(s:call())
    local odd <close> = caller.open(s)
    assert.equal(503, odd:wait())
    local seconds = tonumber(odd.final:get "Retry-After")
    assert.is_true(seconds >= 1 and seconds <= 60)
    assert.equal(1, #s.requests)
    party.ended(alice)
    s:quiet()
    local again <close> = caller.open(s)
    assert.equal(200, again:wait())
    again:send("BYE", 9)
    s:quiet()
  end)

  it("while draining gets 503 with Retry-After; the live call goes on", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Say>Hello.</Say><Pause length="5"/><Redirect>/more</Redirect>'
    s.web["/more"] = stage.twiml '<Pause length="1"/>'
    local alice = assert(s:call())
    s.server:drain()
    local odd <close> = caller.open(s)
    assert.equal(503, odd:wait())
    assert.is_string(odd.final:get "Retry-After")
    s:request "/more"
    assert.equal("ended", party.ended(alice).kind)
    assert.equal(1, #s:requests_to "/voice")
  end)

  it("from a source that is not allowed gets 403, and no webhook", function()
    local s <close> = stage.open { sip = { allow = { "10.0.0.0/8" } } }
    local odd <close> = caller.open(s)
    assert.equal(403, odd:wait())
    assert.equal(0, #s.requests)
    s:quiet()
  end)

  it("of a user proves itself by digest, and is SipUsername", function()
    local s <close> = stage.open { sip = { allow = {}, users = { alice = "secret" } } }
    s.web["/voice"] = stage.twiml "<Reject/>"
    local phone = s:phone "alice"
    local _, _, refused = phone:call(s:uri(), { username = "alice", password = "wrong" })
    assert.equal(401, refused)
    assert.equal(0, #s.requests)
    local _, _, code = phone:call(s:uri(), { username = "alice", password = "secret" })
    assert.equal(603, code)
    assert.equal("alice", s:request("/voice").params.SipUsername)
    s:quiet()
  end)

  it("tells the voice URL who calls whom, from where, and forwarded from whom", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml "<Reject/>"
    local odd <close> = caller.open(s, { headers = {
      "Diversion: <sip:+15550111@pbx.example.com;user=phone>;reason=unconditional",
      "Diversion: <sip:first@pbx.example.com>", "X-Account: 7", "X-account: 8",
      "User-to-User: 00abcd;encoding=hex", "Subject: hello" } })
    assert.equal(603, odd:wait())
    local p = s:request("/voice").params
    local host = s:uri():match("@(.*)$")
    assert.equal("sip:line@" .. host, p.To)
    assert.equal(p.To, p.Called)
    assert.equal("sip:odd@" .. odd.where, p.From)
    assert.equal(p.From, p.Caller)
    assert.equal("ringing", p.CallStatus)
    assert.equal("inbound", p.Direction)
    assert.equal("127.0.0.1", p.SipDomain)
    assert.equal("127.0.0.1", p.SipSourceIp)
    assert.equal("bare@" .. odd.where, p.SipCallId)
    assert.equal("sip:+15550111@pbx.example.com", p.ForwardedFrom)
    assert.equal("7, 8", p["SipHeader_X-Account"])
    assert.equal("00abcd;encoding=hex", p["SipHeader_User-to-User"])
    assert.is_nil(p.SipUsername)
    assert.is_nil(p.ParentCallSid)
    assert.is_nil(p.SipHeader_Subject)
    assert.matches("^CA%x+$", p.CallSid)
    s:quiet()
  end)

  it("that ends unanswered after a failed Dial gets the callee's code", function()
    for code, expected in pairs { [486] = 486, [404] = 404, [603] = 603, [480] = 480, [500] = 500,
      [408] = 480, [401] = 480, [407] = 480 } do
      local s <close> = stage.open()
      local kate = s:phone("kate", party.refuses(code))
      s.web["/voice"] = stage.twiml(
        ("<Dial answerOnBridge='true'><Sip>%s</Sip></Dial><Hangup/>"):format(kate.address))
      local odd <close> = caller.open(s)
      assert.equal(expected, odd:wait())
      s:quiet()
    end
  end)

  it("goes on without the ACK", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Say>Hello.</Say><Redirect>/more</Redirect>'
    s.web["/more"] = stage.twiml '<Pause length="60"/>'
    local mute <close> = peer.open()
    local lines = { ("INVITE %s SIP/2.0"):format(s:uri()),
      ("Via: SIP/2.0/UDP %s;branch=z9hG4bKmute"):format(mute.where),
      ("From: <sip:odd@%s>;tag=mute"):format(mute.where), ("To: <%s>"):format(s:uri()),
      "Call-ID: mute@" .. mute.where, "CSeq: 1 INVITE", ("Contact: <sip:%s>"):format(mute.where),
      "Max-Forwards: 70", "Content-Type: application/sdp", "Content-Length: " .. #peer.sdp() }
    mute.socket:send("127.0.0.1", math.tointeger(tonumber(s:uri():match(":(%d+)$"))),
      table.concat(lines, "\r\n") .. "\r\n\r\n" .. peer.sdp())
    assert.is_table(s:request("/more", 10))
    moonline.sleep(35) -- 64*T1 without an ACK: it is hung up
    s:quiet()
  end)
end)

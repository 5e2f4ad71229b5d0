-- <Client>: registered users are called on all their phones, over the flow each registered on.
local certificate = require "support.certificate"
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local phones = require "support.phones"
local rawphone = require "support.rawphone"
local registering = require "support.registering"
local stage = require "support.stage"
local story = require "support.story"

local CLIENT = "<Client>alice</Client>"

local function open(options)
  options = options or {}
  options.sip = options.sip or {}
  options.sip.users = phones.USERS
  return stage.open(options)
end

describe("<Client>", function()
  it("V2 <Client statusCallback statusCallbackEvent statusCallbackMethod> tells", function()
    local s <close> = open()
    s.web["/events"] = ""
    local phone = phones.open(s, "alice")
    local params = phones.dial(s, [[<Client statusCallback="/events" statusCallbackMethod="GET"
      statusCallbackEvent="initiated ringing answered completed">alice</Client>]], { talk = 2 })
    assert.equal("completed", params.DialCallStatus)
    assert.equal("true", params.DialBridged)
    assert.equal("2", params.DialCallDuration)
    assert.equal("200", params.DialSipResponseCode)
    s:quiet()
    local invite = phone.invites[1]
    assert.equal(phone.registration.contact, invite.uri)
    assert.equal(params.DialCallSid, invite:get "X-Twilio-CallSid")
    local told = {}
    for i, request in ipairs(s:requests_to "/events") do
      told[i] = request.params.CallStatus
      assert.equal("GET", request.method)
      assert.equal("client:alice", request.params.To)
      assert.equal("client:alice", request.params.Called)
      assert.equal("sip:alice@127.0.0.1", request.params.From)
      assert.equal(params.DialCallSid, request.params.CallSid)
      assert.equal("outbound-dial", request.params.Direction)
    end
    assert.same({ "initiated", "in-progress", "completed" }, told)
  end)

  it("V2 <Identity> names the user, each <Parameter name value> is an X- header", function()
    local s <close> = open()
    local phone = phones.open(s, "alice", story.refuses(486))
    local params = phones.dial(s, [[<Client><Identity> alice </Identity>
      <Parameter name="room" value="12 &amp; 13"/><Parameter name="X-mine" value="yes"/>
      <Parameter name="bad name" value="1"/><Parameter name="X-Twilio-CallSid" value="CA0"/>
      <Parameter name="empty"/></Client>]])
    assert.equal("busy", params.DialCallStatus)
    local invite = phone.invites[1]
    assert.equal("12 & 13", invite:get "X-room")
    assert.equal("yes", invite:get "X-mine")
    assert.equal("", invite:get "X-empty")
    assert.equal(params.DialCallSid, invite:get "X-Twilio-CallSid")
    assert.equal(1, #invite:values "X-Twilio-CallSid")
    assert.is_string(s:warned(13252))
    s:quiet()
  end)

  it("V2 not registered: warning 32009, no-answer as for a 480; the document goes on", function()
    local s <close> = open()
    local params = phones.dial(s, CLIENT)
    assert.equal("no-answer", params.DialCallStatus)
    assert.is_true(story.no_child(params))
    assert.matches("no phone is registered for alice", s:warned(32009))
    s.web["/voice"] = '<Response><Dial>' .. CLIENT .. '</Dial><Redirect>/next</Redirect></Response>'
    s.web["/next"] = "<Response><Hangup/></Response>"
    s:begin()
    assert.equal("in-progress", s:request("/next").params.CallStatus)
    s:quiet()
  end)

  it("V2 no user at all: failed; an unanswered caller gets the code", function()
    local s <close> = open()
    local params = phones.dial(s, "<Client>mallory</Client>", { dial = 'answerOnBridge="true"' })
    assert.equal("failed", params.DialCallStatus)
    assert.matches("no user of sip.users", s:warned(32009))
    for user, code in pairs { mallory = 404, alice = 480 } do
      s.web["/voice"] = ('<Response><Dial answerOnBridge="true"><Client>%s</Client></Dial>'
        .. "</Response>"):format(user)
      local _, _, got = s:call()
      assert.equal(code, got)
    end
    s:quiet()
  end)

  it("V1 without a name, or with one too long, dials nobody", function()
    for _, noun in ipairs { "<Client/>", "<Client> </Client>", "<Client><Identity/></Client>",
      "<Client>" .. ("x"):rep(257) .. "</Client>" } do
      local s <close> = open()
      assert.equal("failed", phones.dial(s, noun).DialCallStatus)
      assert.is_string(s:warned(12200))
      s:quiet()
    end
  end)

  it("S14 <Client url method> runs a screening document on the phone", function()
    local s <close> = open()
    phones.open(s, "alice")
    s.web["/screen"] = "<Response><Hangup/></Response>"
    local params = phones.dial(s, '<Client url="/screen" method="GET">alice</Client>')
    assert.equal("completed", params.DialCallStatus)
    assert.equal("false", params.DialBridged)
    local asked = s:requests_to("/screen")[1].params
    assert.equal("GET", s:requests_to("/screen")[1].method)
    assert.equal("client:alice", asked.To)
    assert.equal(params.DialCallSid, asked.CallSid)
    s:quiet()
  end)

  it("S10 rings beside other nouns where several are allowed", function()
    local s <close> = open { dial = { several = true } }
    local alice, kate = phones.open(s, "alice", story.rings), story.phone(s, "kate", story.answers)
    local params = phones.dial(s, CLIENT .. "<Sip>" .. kate.address .. "</Sip><Client>bob</Client>",
      { talk = 1 })
    assert.equal("completed", params.DialCallStatus)
    assert.equal(1, #alice.invites)
    assert.equal(1, #kate.invites)
    assert.is_string(s:warned(32009))
    s:quiet()
  end)
end)

describe("several phones of one <Client>", function()
  it("V2 ring at once as one call; who answers first has it", function()
    local s <close> = open()
    s.web["/events"] = ""
    local desk = phones.open(s, "alice", party.rings())
    local mobile = phones.open(s, "alice", party.takes { ring = 3 })
    local params = phones.dial(s, [[<Client statusCallback="/events"
      statusCallbackEvent="initiated ringing answered completed">alice</Client>]], { talk = 2 })
    assert.equal("completed", params.DialCallStatus)
    assert.equal("2", params.DialCallDuration)
    assert.equal(1, #desk.invites)
    assert.equal(1, #mobile.invites)
    assert.equal(desk.invites[1].time, mobile.invites[1].time)
    assert.equal(params.DialCallSid, desk.invites[1]:get "X-Twilio-CallSid")
    assert.equal(params.DialCallSid, mobile.invites[1]:get "X-Twilio-CallSid")
    assert.equal(mobile.invites[1]:get "Call-ID", params.DialSipCallId)
    s:quiet()
    assert.equal(4, #s:requests_to "/events")
  end)

  it("V2 busy on one leaves the other ringing; busy on all is busy", function()
    local s <close> = open()
    phones.open(s, "alice", story.refuses(486))
    local other = phones.open(s, "alice", party.takes { ring = 5 })
    assert.equal("completed", phones.dial(s, CLIENT, { talk = 1 }).DialCallStatus)
    s:quiet()
    other.handlers.call = story.refuses(480)
    local params = phones.dial(s, CLIENT)
    assert.equal("busy", params.DialCallStatus)
    assert.equal("486", params.DialSipResponseCode)
    s:quiet()
  end)

  it("V2 a phone that declines does so for all (6xx)", function()
    local s <close> = open()
    phones.open(s, "alice", party.rings())
    phones.open(s, "alice", party.refuses(603, { ring = 2 }))
    local begun = moonline.clock()
    local params = phones.dial(s, CLIENT)
    assert.equal("603", params.DialSipResponseCode)
    assert.equal("busy", params.DialCallStatus)
    assert.is_true(moonline.clock() - begun < 4)
    s:quiet()
  end)

  it("V2 both answering in one moment: one is connected, the other gets its BYE", function()
    local s <close> = open()
    local ended = 0
    local function takes(call)
      call:answer()
      local ok = moonline.clock()
      call:wait({}, 20)
      ended = ended + (moonline.clock() - ok > 19.99 and 1 or 0)
      party.stay(call)
    end
    phones.open(s, "alice", takes)
    phones.open(s, "alice", takes)
    local params = phones.dial(s, CLIENT, { talk = 21 })
    assert.equal("completed", params.DialCallStatus)
    assert.equal(1, ended)
    s:quiet()
  end)

  it("V2 nobody answering in time, or the caller giving up, ends all", function()
    local s <close> = open()
    local over = 0
    local function rings(call)
      call:ring()
      local _ <close> = setmetatable({}, { __close = function() over = over + 1 end })
      party.stay(call)
    end
    phones.open(s, "alice", rings)
    phones.open(s, "alice", rings)
    local params = phones.dial(s, CLIENT, { dial = 'timeout="5"' })
    assert.equal("no-answer", params.DialCallStatus)
    s:quiet()
    assert.equal(2, over)
    local leg = s:begin()
    moonline.sleep(1)
    leg:hangup()
    assert.equal("canceled", s:request("/after").params.DialCallStatus)
    s:quiet()
    assert.equal(4, over)
  end)
end)

describe("the way to a registered phone", function()
  it("V2 is the connection it registered over: TCP", function()
    local s <close> = open { sip = { listen = { "udp:127.0.0.1:0", "tcp:127.0.0.1:0" } } }
    local phone = phones.open(s, "alice", story.answers,
      { listen = { "tcp:127.0.0.1:0" }, index = 2 })
    local source = s.server.env.agent:registered("alice")[1].source
    assert.matches("^tcp:", source)
    assert.are_not.equal(phone.addresses[1], source) -- it made the connection from another port
    assert.equal("completed", phones.dial(s, CLIENT, { talk = 1 }).DialCallStatus)
    assert.equal("tcp", phone.invites[1].transport)
    for _, event in ipairs(s:seen "message") do
      local invite = event.sent and event.text:find("^INVITE ")
      if invite then assert.equal(source, "tcp:" .. event.remote) end
    end
    s:quiet()
    moonline.sleep(200) -- OPTIONS keep it open past the time of idle connections
    assert.equal("completed", phones.dial(s, CLIENT, { talk = 1 }).DialCallStatus)
    s:quiet()
    phone:close()
    moonline.sleep(31)
    assert.same({}, s.server.env.agent:registered "alice")
  end)

  it("V2 is the connection it registered over: TLS", function()
    local paper <close> = certificate.make "127.0.0.1"
    local tls = { certificate = paper.certificate, key = paper.key, ca = paper.certificate }
    local s <close> = open { sip = { listen = { "udp:127.0.0.1:0", "tls:127.0.0.1:0" }, tls = {
      certificate = paper.certificate, key = paper.key } } }
    local phone = phones.open(s, "alice", story.answers,
      { listen = { "tls:127.0.0.1:0" }, tls = tls, index = 2 })
    assert.matches("^tls:", s.server.env.agent:registered("alice")[1].source)
    assert.equal("completed", phones.dial(s, CLIENT, { talk = 1 }).DialCallStatus)
    assert.equal("tls", phone.invites[1].transport)
    s:quiet()
    phone:close()
    moonline.sleep(31)
    assert.equal("no-answer", phones.dial(s, CLIENT).DialCallStatus)
    s:quiet()
  end)

  it("V2 leads through a NAT: Contact and SDP are private, all comes to its source", function()
    local s <close> = open()
    local ear, packets, listening = rawphone.ear()
    local got, there = {}, nil
    local nat <close> = registering.open(s, function(self, request)
      if request.method == "OPTIONS" then return self:reply(request, "200 OK") end
      got[#got + 1] = request.method
      if request.method == "ACK" then return end
      local body
      if request.method == "INVITE" then
        there = tonumber(request.body:match "m=audio (%d+)")
        body = peer.sdp(40000):gsub("127%.0%.0%.1", "10.9.9.9")
      end
      self:reply(request, "200 OK", { "Contact: <sip:alice@10.9.9.9:5060>" }, body)
    end)
    assert.equal(200, nat:as("alice", "wonder", { "Contact: <sip:alice@10.9.9.9:5060>" },
      { via = "10.9.9.9:5060" }).code)
    s.web["/voice"] = phones.document(CLIENT)
    s.web["/after"] = "<Response/>"
    local leg = s:begin()
    story.bridged(s)
    local seq = 0
    for _ = 1, 50 do -- it speaks first, from a port nobody was told of
      seq = seq + 1
      ear:send("127.0.0.1", there, string.pack(">BBI2I4I4", 0x80, 0, seq, seq * 160, 7)
        .. ("\xff"):rep(160))
      moonline.sleep(0.02)
    end
    leg.core:play { tone = "400", ms = 0 }
    moonline.sleep(1)
    leg:hangup()
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    s:quiet()
    assert.same({ "INVITE", "ACK", "BYE" }, got)
    assert.is_true(#packets > 40, #packets .. " packets")
    listening:cancel()
    ear:close()
  end)

  it("V2 is gone with the phone: first nobody answers, then it is not registered", function()
    local s <close> = open()
    local phone = phones.open(s, "alice")
    phone:close()
    local params = phones.dial(s, CLIENT, { dial = 'timeout="10"', timeout = 90 })
    assert.matches("^[nf]", params.DialCallStatus)
    moonline.sleep(100)
    assert.same({}, s.server.env.agent:registered "alice")
    assert.equal("no-answer", phones.dial(s, CLIENT).DialCallStatus)
    assert.is_string(s:warned(32009))
    s:quiet()
  end)
end)

describe("a registered phone", function()
  it("V2 calls in as the SIP address it is, with its user as SipUsername", function()
    local s <close> = open { sip = { allow = {} } }
    local phone = phones.open(s, "bob")
    s.web["/voice"] = '<Response><Reject reason="busy"/></Response>'
    local _, _, code = phone:call(s:uri(), { from = "bob", username = "bob", password = "builder" })
    assert.equal(486, code)
    local params = s:request("/voice").params
    assert.equal("sip:bob@127.0.0.1", params.From)
    assert.equal("bob", params.SipUsername)
    _, _, code = phone:call(s:uri(), { from = "bob" })
    assert.equal(401, code)
    s:quiet()
  end)

  it("L1 is dialled by a script as client:alice", function()
    local file = os.tmpname()
    local out <close> = assert(io.open(file, "w"))
    out:write [[
      local moonline = require "moonline"
      moonline.on("call", function(call)
        local leg <close> = call:dial "client:alice"
        if leg then call:bridge(leg) end
      end)
    ]]
    out:close()
    local s <close> = open { voice = { script = file } }
    local phone = phones.open(s, "alice", party.takes { talk = 2 })
    phones.open(s, "alice", party.rings())
    local leg = assert(s:call())
    assert.equal("peer", party.ended(leg).cause)
    assert.equal(1, #phone.invites)
    s:quiet()
    os.remove(file)
  end)
end)

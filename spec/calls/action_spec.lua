-- Dial's action: what it is told, and who goes on.
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local stage = require "support.stage"

local function dial(kate, attributes, noun)
  return stage.twiml(('<Dial action="/after" %s><Sip %s>%s</Sip></Dial><Say>unreachable</Say>')
    :format(attributes or "", noun or "", kate.address))
end

local function open(behaviour, attributes, noun)
  local s = stage.open()
  local kate = s:phone("kate", behaviour)
  s.web["/voice"] = dial(kate, attributes, noun)
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s, kate
end

-- Names of a request's parameters, sorted.
local function names(request)
  local list = {}
  for _, pair in ipairs(request.list) do list[#list + 1] = pair[1] end
  table.sort(list)
  return table.concat(list, " ")
end

local function spoke(s)
  for _, event in ipairs(s:seen "verb") do
    if event.name == "Say" then return true end
  end
  return false
end

-- The call's end as alice sees it, and everything settled.
local function over(s, alice)
  if not alice.ended then party.ended(alice) end
  s:quiet()
  assert.equal(1, #s:requests_to "/after")
  assert.is_false(spoke(s))
end

describe("the action of a Dial", function()
  it("S12 <Dial action> is told everything about an answered call, once, and takes over", function()
    local invite
    local s <close> = open(function(call)
      invite = call.headers
      party.takes { talk = 7.9,
        headers = { { "X-Desk", "4" }, { "X-Desk", "5" }, { "Subject", "no" } } }(call)
    end)
    s.web["/after"] = stage.twiml "<Pause length='1'/><Hangup/>"
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.equal("AccountSid ApiVersion CallSid CallStatus Called Caller DialBridged "
      .. "DialCallDuration DialCallSid DialCallStatus DialSipCallId DialSipHeader_X-Desk "
      .. "DialSipResponseCode Direction From To", names(after))
    local p = after.params
    assert.equal("POST", after.method)
    assert.equal("in-progress", p.CallStatus)
    assert.equal("inbound", p.Direction)
    assert.equal("completed", p.DialCallStatus)
    assert.equal("7", p.DialCallDuration)
    assert.equal("true", p.DialBridged)
    assert.equal("200", p.DialSipResponseCode)
    assert.equal("4, 5", p["DialSipHeader_X-Desk"])
    assert.equal(invite["x-twilio-callsid"], p.DialCallSid)
    assert.equal(s:requests_to("/voice")[1].params.CallSid, p.CallSid)
    assert.are_not.equal(p.CallSid, p.DialCallSid)
    assert.equal("ended", party.ended(alice).kind)
    assert.near(1, moonline.clock() - after.time, 0.1) -- the Pause of the document
    over(s, alice)
  end)

  it("S12 <Dial method> uses GET where it says so, and a relative URL", function()
    local s <close> = open(party.takes { talk = 1 }, 'method="GET"')
    s.web["/deep/voice"] = (s.web["/voice"]:gsub('"/after"', '"../after?x=1"'))
    s.web["/voice"] = stage.twiml "<Redirect>/deep/voice</Redirect>"
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.equal("GET", after.method)
    assert.equal("1", after.params.x)
    assert.equal("completed", after.params.DialCallStatus)
    over(s, alice)
  end)

  it("S12 adds new X- headers of the callee's BYE to those of its 200", function()
    local s <close> = open(party.takes { talk = 2, headers = { { "X-Desk", "4" } },
      bye = { { "X-desk", "9" }, { "X-Mood", "good" } } })
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.equal("4", after.params["DialSipHeader_X-Desk"])
    assert.is_nil(after.params["DialSipHeader_X-desk"])
    assert.equal("good", after.params["DialSipHeader_X-Mood"])
    over(s, alice)
  end)

  it("S12 adds new X- headers of the callee's 200 to our BYE", function()
    local s <close> = stage.open()
    local odd <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "200 OK", { "X-Desk: 4" }, peer.sdp())
      elseif request.method == "BYE" then
        self:reply(request, "200 OK", { "X-Desk: 5", "X-Minutes: 1", "Subject: no" })
      end
    end)
    s.web["/voice"], s.web["/after"] = dial { address = odd.uri }, stage.twiml "<Hangup/>"
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    local p = s:request("/after").params
    assert.equal("4", p["DialSipHeader_X-Desk"])
    assert.equal("1", p["DialSipHeader_X-Minutes"])
    assert.is_nil(p.DialSipHeader_Subject)
    assert.equal("200", p.DialSipResponseCode)
    s:quiet()
  end)

  it("S12 is requested when the caller hung up first, and its document is not run", function()
    local s <close> = open(party.takes { headers = { { "X-Desk", "4" } } })
    s.web["/after"] = stage.twiml "<Say>never</Say>"
    local alice = assert(s:call())
    moonline.sleep(3.5)
    alice:hangup()
    local after = s:request "/after"
    assert.equal("completed", after.params.CallStatus)
    assert.equal("completed", after.params.DialCallStatus)
    assert.equal("3", after.params.DialCallDuration)
    assert.equal("true", after.params.DialBridged)
    assert.equal("4", after.params["DialSipHeader_X-Desk"])
    over(s, alice)
  end)

  it("S12 S13 is told of a refusal with its code and X- headers", function()
    local s <close> = open(party.refuses(486, { ring = 1,
      headers = { { "X-Why", "lunch" }, { "Warning", "399 x y" } } }))
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.equal("busy", after.params.DialCallStatus)
    assert.equal("486", after.params.DialSipResponseCode)
    assert.equal("lunch", after.params["DialSipHeader_X-Why"])
    assert.equal("0", after.params.DialCallDuration)
    assert.equal("false", after.params.DialBridged)
    assert.equal("in-progress", after.params.CallStatus)
    assert.is_nil(after.params["DialSipHeader_Warning"])
    over(s, alice)
  end)

  it("S12 S13 is told no-answer and 487 after the Dial's own timeout", function()
    local s <close> = open(party.rings(), 'timeout="5"')
    local begun = moonline.clock()
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.near(5, after.time - begun, 0.3)
    assert.equal("no-answer", after.params.DialCallStatus)
    assert.equal("487", after.params.DialSipResponseCode)
    over(s, alice)
  end)

  it("S12 S13 is told canceled when the caller hangs up while the callee rings", function()
    local s <close> = open(party.rings())
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    local after = s:request "/after"
    assert.equal("canceled", after.params.DialCallStatus)
    assert.equal("completed", after.params.CallStatus)
    assert.equal("487", after.params.DialSipResponseCode)
    over(s, alice)
  end)

  it("S12 S13 is told canceled when the caller cancels an unanswered call", function()
    local s <close> = open(party.rings(), 'answerOnBridge="true"')
    local alice = s:begin()
    assert.is_table(party.hears(alice, "ringing"))
    moonline.sleep(2)
    alice:hangup()
    local after = s:request "/after"
    assert.equal("canceled", after.params.DialCallStatus)
    assert.equal("canceled", after.params.CallStatus)
    s:quiet()
    assert.equal(1, #s:requests_to "/after")
  end)

  it("S12 has no child to tell of when the URI cannot be dialled at all", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml
      '<Dial action="/after"><Sip statusCallback="/cb">sip:kate@h;transport=fax</Sip></Dial>'
    s.web["/after"] = stage.twiml "<Hangup/>"
    local alice, _, code = s:call()
    assert.is_nil(alice)
    assert.equal(404, code) -- contract: when no INVITE was sent
    local after = s:request "/after"
    assert.equal("AccountSid ApiVersion CallSid CallStatus Called Caller DialBridged "
      .. "DialCallDuration DialCallStatus Direction From To", names(after))
    assert.equal("failed", after.params.DialCallStatus)
    assert.equal("0", after.params.DialCallDuration)
    assert.equal("false", after.params.DialBridged)
    s:quiet()
    assert.equal(0, #s:requests_to "/cb")
    assert.is_string(s:warned(13243))
  end)

  it("S12 has a child where the name does not resolve", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml('<Dial action="/after"><Sip statusCallback="/cb" '
      .. 'statusCallbackEvent="initiated ringing answered completed">sip:kate@nowhere.invalid'
      .. "</Sip></Dial>")
    s.web["/after"], s.web["/cb"] = stage.twiml "<Hangup/>", ""
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.equal("failed", after.params.DialCallStatus)
    assert.is_string(after.params.DialCallSid)
    assert.is_nil(after.params.DialSipResponseCode)
    over(s, alice)
    local callbacks = s:requests_to "/cb"
    assert.equal(2, #callbacks)
    assert.equal("initiated", callbacks[1].params.CallStatus)
    assert.equal("failed", callbacks[2].params.CallStatus)
  end)

  it("S11 is not needed: the next verb runs while the caller is there", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.refuses(486))
    s.web["/voice"] = stage.twiml(("<Dial><Sip>%s</Sip></Dial><Redirect>/after</Redirect>")
      :format(kate.address))
    s.web["/after"] = stage.twiml ""
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.is_nil(after.params.DialCallStatus)
    over(s, alice)
  end)

  it("S12 dials nobody for a caller who left during the request", function()
    local rang = 0
    local s <close> = open(party.refuses(486))
    local second = s:phone("second", function(call)
      rang = rang + 1
      party.stay(call)
    end)
    s.web["/after"] = function()
      moonline.sleep(4)
      return stage.twiml("<Dial><Sip>" .. second.address .. "</Sip></Dial>")
    end
    local alice = assert(s:call())
    s:request "/after"
    moonline.sleep(1)
    alice:hangup()
    over(s, alice)
    assert.equal(0, rang)
  end)
end)

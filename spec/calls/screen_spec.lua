-- Call screening: a document on the callee's leg between its 200 and the bridge.
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local PROMISE = 0.3 -- seconds that signalling may take

-- kate is dialled with a screening document; options: dial and sip attributes, configuration.
local function open(behaviour, document, options)
  options = options or {}
  local s = stage.open(options.configuration)
  local kate = s:phone("kate", behaviour)
  s.web["/voice"] = stage.twiml(('<Dial action="/after" %s><Sip url="/screen" %s>%s</Sip></Dial>')
    :format(options.dial or "", options.sip or "", kate.address))
  s.web["/screen"] = document
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local function verbs_of(s, sid)
  local list = {}
  for _, event in ipairs(s:seen "verb") do
    if event.call == sid then list[#list + 1] = event.name end
  end
  return table.concat(list, " ")
end

local function bridged(s)
  return #s:seen "bridged"
end

-- What the end of the Dial said.
local function outcome(s)
  local p = s:request("/after").params
  return ("%s %s %s %s"):format(p.DialCallStatus, p.DialBridged, p.DialCallDuration,
    p.DialSipResponseCode)
end

local function keys(digits)
  return function(call)
    party.answer(call)
    call:wait({}, 2)
    call:send_digits(digits)
    party.stay(call)
  end
end

local function done(s, alice)
  if not alice.ended then party.ended(alice) end
  s:quiet()
end

describe("call screening", function()
  it("S14 <Sip url> is told of the child and its headers, and bridges at its end", function()
    local invite, call_id
    local s <close> = open(function(call)
      invite, call_id = call.headers, call.info.call_id
      party.takes { headers = { { "X-Desk", "4" }, { "X-Desk", "5" }, { "Subject", "no" } } }(call)
    end, stage.twiml "<Pause length='3'/>")
    local alice = assert(s:call())
    local screen = s:request "/screen"
    local p = screen.params
    assert.equal("POST", screen.method)
    assert.equal(invite["x-twilio-callsid"], p.CallSid)
    assert.equal(s:requests_to("/voice")[1].params.CallSid, p.ParentCallSid)
    assert.equal("outbound-dial", p.Direction)
    assert.equal("in-progress", p.CallStatus)
    assert.equal("2010-04-01", p.ApiVersion)
    assert.equal("AC00000000000000000000000000000001", p.AccountSid)
    assert.equal(call_id, p.SipCallId)
    assert.equal("4, 5", p["SipHeader_X-Desk"])
    assert.is_nil(p.SipHeader_Subject)
    assert.matches("^sip:kate@127.0.0.1:%d+$", p.To)
    assert.equal(p.To, p.Called)
    assert.matches("^sip:alice@", p.From)
    assert.equal(p.From, p.Caller)
    moonline.sleep(1)
    assert.equal(0, bridged(s))
    moonline.sleep(3)
    assert.equal(1, bridged(s))
    alice:hangup()
    assert.equal("completed true 4 200", outcome(s)) -- screening counts
    s:quiet()
  end)

  it("S14 <Sip method> is its method, and an empty document bridges", function()
    local s <close> = open(party.takes { talk = 2 }, stage.twiml "", { sip = 'method="GET"' })
    local alice = assert(s:call())
    assert.equal("GET", s:request("/screen").method)
    assert.equal("completed true 2 200", outcome(s))
    done(s, alice)
  end)

  it("S14 Say, Play, Pause and Redirect work there, on the callee's leg", function()
    local heard
    local s <close> = open(function(call)
      party.answer(call)
      heard = party.audio(call, 3)
      party.stay(call)
    end, stage.twiml '<Say>Hello.</Say><Pause length="1"/><Redirect>/more</Redirect><Hangup/>')
    s.web["/more"] = stage.twiml '<Play digits="12"/>'
    local alice = assert(s:call())
    local more = s:request "/more"
    assert.is_string(more.params.ParentCallSid)
    assert.equal("outbound-dial", more.params.Direction)
    moonline.sleep(2)
    assert.equal(1, bridged(s))
    assert.equal("Say Pause Redirect Play", verbs_of(s, more.params.CallSid))
    assert.is_true(heard > 30)
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14 Gather takes the callee's key, its action decides: through", function()
    local s <close> = open(keys "1",
      stage.twiml '<Gather numDigits="1" action="/key" timeout="5"/><Hangup/>')
    s.web["/key"] = stage.twiml ""
    local alice = assert(s:call())
    local key = s:request "/key"
    assert.equal("1", key.params.Digits)
    assert.is_string(key.params.ParentCallSid)
    moonline.sleep(0.5)
    assert.equal(1, bridged(s))
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14 Gather takes the callee's key, its action decides: no", function()
    local s <close> = open(keys "2",
      stage.twiml '<Gather numDigits="1" action="/key" timeout="5"/><Hangup/>')
    s.web["/key"] = stage.twiml "<Hangup/>"
    local alice = assert(s:call())
    s:request "/key"
    assert.matches("^completed false %d 200$", outcome(s))
    assert.equal(0, bridged(s))
    done(s, alice)
  end)

  it("S14 nobody presses a key: Hangup ends the child unbridged, the caller goes on", function()
    local s <close> = open(party.takes(),
      stage.twiml '<Gather numDigits="1" action="/key" timeout="4"/><Hangup/>')
    s.web["/after"] = stage.twiml '<Pause length="2"/><Redirect>/last</Redirect>'
    s.web["/last"] = stage.twiml ""
    local alice = assert(s:call())
    assert.equal("completed false 4 200", outcome(s))
    assert.equal("in-progress", s:request("/last").params.CallStatus)
    assert.equal(0, #s:requests_to "/key")
    done(s, alice)
  end)

  it("S14 S11 without an action the next verb runs after a screening that said no", function()
    local s <close> = open(party.takes(), stage.twiml "<Hangup/>")
    s.web["/voice"] = s.web["/voice"]:gsub('action="/after"', "")
      :gsub("</Response>", "<Redirect>/next</Redirect></Response>")
    s.web["/next"] = stage.twiml ""
    local alice = assert(s:call())
    s:request "/next"
    done(s, alice)
  end)

  it("S14 the callee hanging up ends it", function()
    local s <close> = open(party.takes { talk = 2, bye = { { "X-Bye", "now" } } },
      stage.twiml '<Pause length="20"/>')
    local alice = assert(s:call())
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("false", after.DialBridged)
    assert.equal("2", after.DialCallDuration)
    assert.equal("now", after["DialSipHeader_X-Bye"])
    assert.equal("in-progress", after.CallStatus)
    done(s, alice)
  end)

  -- A callee whose leg's end is noted.
  local function noting(note)
    return function(call)
      party.answer(call)
      local event = call.box:wait { "ended" }
      note.ended = event.time
      call:over(event)
    end
  end

  it("S14 the caller hanging up ends the child at once", function()
    local kate = {}
    local s <close> = open(noting(kate),
      stage.twiml '<Pause length="20"/><Redirect>/never</Redirect>')
    local alice = assert(s:call())
    s:request "/screen"
    moonline.sleep(3)
    local left = moonline.clock()
    alice:hangup()
    assert.equal("completed false 3 200", outcome(s)) -- caller gone during screening
    assert.is_true(kate.ended - left < PROMISE)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)

  it("S14 the caller hanging up while the screening document is fetched ends the child", function()
    local kate = {}
    local s <close> = open(noting(kate), function()
      moonline.sleep(8)
      return stage.twiml "<Redirect>/never</Redirect>"
    end)
    local alice = assert(s:call())
    s:request "/screen"
    moonline.sleep(1)
    local left = moonline.clock()
    alice:hangup()
    assert.equal("completed false 1 200", outcome(s))
    assert.is_true(kate.ended - left < PROMISE)
    moonline.sleep(10)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
    assert.equal(0, bridged(s))
  end)

  it("S14 the callee hanging up while the screening document is fetched ends it", function()
    local s <close> = open(party.takes { talk = 2 }, function()
      moonline.sleep(8)
      return stage.twiml "<Redirect>/never</Redirect>"
    end)
    local alice = assert(s:call())
    local screen = s:request "/screen"
    local after = s:request "/after"
    assert.near(2, after.time - screen.time, PROMISE)
    assert.equal("completed", after.params.DialCallStatus)
    assert.equal("false", after.params.DialBridged)
    assert.equal("2", after.params.DialCallDuration)
    moonline.sleep(10)
    done(s, alice)
    assert.equal(0, #s:requests_to "/never")
  end)

  for _, verb in ipairs { "<Dial><Sip>sip:x@127.0.0.1</Sip></Dial>", "<Enqueue>x</Enqueue>",
    "<Connect/>", "<Refer/>", "<Leave/>", "<Reject/>", "<Echo/>",
    "<Dial><Conference>x</Conference></Dial>" } do
    it("S14 13201: nothing of a document runs that holds " .. verb, function()
      local s <close> = open(party.takes(), stage.twiml("<Redirect>/never</Redirect>" .. verb))
      local alice = assert(s:call())
      local sid = s:request("/screen").params.CallSid
      assert.matches("^failed false %d 200$", outcome(s))
      assert.is_string(s:warned(13201))
      assert.equal("", verbs_of(s, sid))
      done(s, alice)
      assert.equal(0, #s:requests_to "/never")
    end)
  end

  it("S14 a forbidden verb in a later document ends the child, too", function()
    local s <close> = open(party.takes(), stage.twiml "<Redirect>/more</Redirect>")
    s.web["/more"] = stage.twiml "<Redirect>/never</Redirect><Dial><Sip>sip:x@h</Sip></Dial>"
    local alice = assert(s:call())
    assert.matches("^failed false %d 200$", outcome(s))
    assert.is_string(s:warned(13201))
    done(s, alice)
    assert.equal(0, #s:requests_to "/never")
  end)

  it("S14 11200: a document that cannot be fetched fails the child; the caller goes on", function()
    local s <close> = open(party.takes(), function() return 500, "no" end)
    s.web["/after"] = stage.twiml "<Redirect>/next</Redirect>"
    s.web["/next"] = stage.twiml ""
    local alice = assert(s:call())
    assert.matches("^failed false %d 200$", outcome(s))
    assert.is_string(s:warned(11200))
    assert.equal("in-progress", s:request("/next").params.CallStatus)
    done(s, alice)
  end)

  it("S14 11200: the fallback URL is not for the screening", function()
    local s <close> = open(party.takes(), function() return 500, "no" end)
    s.web["/fallback"] = stage.twiml ""
    s.server.env.config.voice.fallback_url = s.app.url .. "/fallback"
    assert(s.server:reload())
    local alice = assert(s:call())
    assert.matches("^failed false %d 200$", outcome(s))
    done(s, alice)
    assert.equal(0, #s:requests_to "/fallback")
  end)

  it("S14 what is no document fails the child", function()
    local s <close> = open(party.takes(), stage.twiml "<Say>no end")
    local alice = assert(s:call())
    assert.matches("^failed false %d 200$", outcome(s))
    assert.is_string(s:warned(12100))
    done(s, alice)
  end)

  it("S14 the caller hears ringback all that time, and not after the bridge", function()
    local s <close> = open(party.takes { ring = 4 }, stage.twiml '<Pause length="8"/>')
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 4) > 150) -- ringing
    assert.is_true(party.audio(alice, 6.5) > 300) -- screening
    assert.equal(0, bridged(s))
    moonline.sleep(3)
    assert.equal(1, bridged(s))
    assert.equal(0, party.audio(alice, 2)) -- kate says nothing
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14 hears ringback during screening also when the callee never rang", function()
    local s <close> = open(party.takes(), stage.twiml '<Pause length="5"/>')
    local alice = assert(s:call())
    s:request "/screen"
    assert.is_true(party.audio(alice, 4) > 150)
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14 with answerOnBridge the caller's INVITE stays at 180 until the bridge", function()
    local s <close> = open(party.takes { ring = 2 }, stage.twiml '<Pause length="5"/>',
      { dial = 'answerOnBridge="true"' })
    local alice = s:begin()
    assert.is_table(party.hears(alice, "ringing"))
    local screen = s:request "/screen"
    assert.is_nil((alice.box:wait({ "answered" }, 4.5)))
    assert.is_table(alice.box:wait({ "answered" }, 1))
    assert.near(5, moonline.clock() - screen.time, PROMISE)
    moonline.sleep(2)
    alice:hangup()
    assert.equal("completed true 7 200", outcome(s))
    s:quiet()
  end)

  it("S14 with answerOnBridge a screening that says no gives the caller a refusal", function()
    local s <close> = open(party.takes(), stage.twiml "<Hangup/>",
      { dial = 'answerOnBridge="true"' })
    local alice = s:begin()
    local after = s:request("/after").params
    assert.equal("ringing", after.CallStatus)
    assert.equal("completed", after.DialCallStatus)
    local event = party.ended(alice)
    assert.equal("failed", event.kind)
    assert.equal(480, event.code)
    s:quiet()
  end)

  it("S14 with answerOnBridge the caller may cancel while the callee is screened", function()
    local s <close> = open(party.takes(), stage.twiml '<Pause length="20"/>',
      { dial = 'answerOnBridge="true"' })
    local alice = s:begin()
    s:request "/screen"
    moonline.sleep(2)
    alice:hangup()
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("false", after.DialBridged)
    assert.equal("canceled", after.CallStatus)
    s:quiet()
  end)

  it("S14 hangupOnStar works on the caller's side while the callee is screened", function()
    local s <close> = open(party.takes(), stage.twiml '<Pause length="20"/>',
      { dial = 'hangupOnStar="true"' })
    local alice = assert(s:call())
    s:request "/screen"
    moonline.sleep(2)
    alice.core:play { digits = "*" }
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("false", after.DialBridged)
    done(s, alice)
  end)

  it("S14 timeLimit runs while the callee is screened", function()
    local s <close> = open(party.takes(), stage.twiml '<Pause length="20"/>',
      { dial = 'timeLimit="6"' })
    local alice = assert(s:call())
    assert.equal("completed false 6 200", outcome(s))
    done(s, alice)
  end)

  it("S14 an error in a verb of the user's fails the child, not the process", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(sys.mkdir(folder))
    local file = assert(io.open(folder .. "/boom.lua", "w"))
    file:write 'return { run = function() error("boom") end }\n'
    file:close()
    do
      local s <close> = open(party.takes(), stage.twiml "<Boom/>",
        { configuration = { twiml = { verbs = { folder } } } })
      local alice = assert(s:call())
      assert.matches("^failed false %d 200$", outcome(s))
      done(s, alice)
    end
    os.remove(folder .. "/boom.lua")
    os.remove(folder)
  end)
end)

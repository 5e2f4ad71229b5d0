-- Call progress callbacks of a dialled party.
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local ALL = 'statusCallbackEvent="initiated ringing answered completed"'

-- kate is dialled with callbacks to /cb; noun: more attributes of Sip.
local function open(behaviour, noun, dial)
  local s = stage.open()
  local kate = s:phone("kate", behaviour)
  s.web["/voice"] = stage.twiml(
    ('<Dial action="/after" %s><Sip statusCallback="/cb" %s>%s</Sip></Dial>')
      :format(dial or "", noun or "", kate.address))
  s.web["/after"] = stage.twiml "<Hangup/>"
  s.web["/cb"] = stage.twiml "<Say>nobody runs this</Say>"
  return s
end

-- "initiated 0, ringing 1" of the callbacks, by sequence number.
local function told(s, path)
  local list = {}
  for _, request in ipairs(s:requests_to(path or "/cb")) do
    list[#list + 1] = request.params.CallStatus .. " " .. request.params.SequenceNumber
  end
  return table.concat(list, ", ")
end

-- The whole call, until the last callback has come.
local function play(s, seconds)
  local alice = s:call()
  if seconds then
    moonline.sleep(seconds)
    alice:hangup()
  end
  s:request("/after", 120)
  if alice and not alice.ended then party.ended(alice) end
  s:quiet()
  moonline.sleep(1)
  return s:requests_to "/cb"
end

local DATE = "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d %+0000$"

describe("status callbacks", function()
  it("S16 come in order, numbered, with everything about the child", function()
    local invite
    local s <close> = open(function(call)
      invite = call.headers
      party.takes { ring = 3, talk = 65.5 }(call)
    end, ALL)
    local list = play(s)
    assert.equal("initiated 0, ringing 1, in-progress 2, completed 3", told(s))
    local parent = s:requests_to("/voice")[1].params.CallSid
    for _, request in ipairs(list) do
      local p = request.params
      assert.equal("POST", request.method)
      assert.equal(invite["x-twilio-callsid"], p.CallSid)
      assert.equal(parent, p.ParentCallSid)
      assert.equal("outbound-dial", p.Direction)
      assert.equal("call-progress-events", p.CallbackSource)
      assert.matches(DATE, p.Timestamp)
      assert.equal("2010-04-01", p.ApiVersion)
      assert.equal("AC00000000000000000000000000000001", p.AccountSid)
      assert.matches("^sip:alice@127", p.From)
      assert.matches("^sip:kate@127", p.To)
      assert.equal(p.From, p.Caller)
      assert.equal(p.To, p.Called)
      assert.is_string(request.headers["x-twilio-signature"])
    end
    local answered, completed = list[3].params, list[4].params
    assert.is_nil(answered.CallDuration)
    assert.is_nil(answered.SipResponseCode)
    assert.equal("65", completed.CallDuration)
    assert.equal("2", completed.Duration) -- begun minutes
    assert.equal("200", completed.SipResponseCode)
    assert.is_nil(completed.RecordingUrl)
    assert.near(3, list[3].time - list[2].time, 0.1)
    assert.near(65.5, list[4].time - list[3].time, 0.1)
  end)

  it("S16 Timestamp is the event's own time, in UTC", function()
    local s <close> = open(party.takes { ring = 2, talk = 3 }, ALL)
    local begun = os.time()
    local list = play(s)
    local function at(seconds)
      return os.date("!%a, %d %b %Y %H:%M:%S +0000", begun + seconds)
    end
    assert.equal(at(0), list[1].params.Timestamp)
    assert.equal(at(2), list[3].params.Timestamp)
    assert.equal(at(5), list[4].params.Timestamp)
  end)

  it("S15 <Sip statusCallback> without events: only completed is told, and numbered 0", function()
    local s <close> = open(party.takes { ring = 1, talk = 1 })
    play(s)
    assert.equal("completed 0", told(s))
  end)

  it("S15 <Sip statusCallbackEvent statusCallbackMethod>: only these are told, by GET", function()
    local s <close> = open(party.takes { ring = 1, talk = 1 },
      'statusCallbackEvent="ringing  completed" statusCallbackMethod="GET"')
    local list = play(s)
    assert.equal("ringing 0, completed 1", told(s))
    assert.equal("GET", list[1].method)
    assert.equal("call-progress-events", list[1].params.CallbackSource)
  end)

  it("S15 a list with an unknown event is warned about, and completed is told", function()
    local s <close> = open(party.takes { ring = 1, talk = 1 },
      'statusCallbackEvent="answered, finished"')
    play(s)
    assert.equal("completed 0", told(s))
    assert.is_string(s:warned(12200))
  end)

  it("S16 ringing is not made up", function()
    local s <close> = open(party.takes { talk = 1 }, ALL)
    play(s)
    assert.equal("initiated 0, in-progress 1, completed 2", told(s))
  end)

  it("S16 ringing is told once, also for a 183 and several 180", function()
    local s <close> = open(function(call)
      call.core:ring(true)
      call:wait({}, 1)
      call.core:ring(false)
      call:wait({}, 1)
      party.takes { ring = 1, talk = 1 }(call)
    end, ALL)
    play(s)
    assert.equal("initiated 0, ringing 1, in-progress 2, completed 3", told(s))
  end)

  for _, case in ipairs { { 486, "busy" }, { 404, "failed" }, { 480, "no-answer" } } do
    it(("S16 S13 %d: completed says %s"):format(case[1], case[2]), function()
      local s <close> = open(party.refuses(case[1], { ring = 1 }), ALL)
      local list = play(s)
      assert.equal(("initiated 0, ringing 1, %s 2"):format(case[2]), told(s))
      local p = list[3].params
      assert.equal(tostring(case[1]), p.SipResponseCode)
      assert.equal("0", p.CallDuration)
      assert.equal("0", p.Duration)
    end)
  end

  it("S16 S13 no answer in time: completed says no-answer", function()
    local s <close> = open(party.rings(), ALL, 'timeout="5"')
    local list = play(s)
    assert.equal("initiated 0, ringing 1, no-answer 2", told(s))
    assert.equal("487", list[3].params.SipResponseCode)
  end)

  it("S16 S13 the caller leaves while it rings: completed says canceled", function()
    local s <close> = open(party.rings(), ALL)
    local list = play(s, 3)
    assert.equal("initiated 0, ringing 1, canceled 2", told(s))
    assert.equal("0", list[3].params.CallDuration)
  end)

  it("S16 screening: answered before the document, completed with the screening counted", function()
    local s <close> = open(party.takes(), ALL .. ' url="/screen"')
    s.web["/screen"] = stage.twiml '<Pause length="4"/><Hangup/>'
    local list = play(s)
    assert.equal("initiated 0, in-progress 1, completed 2", told(s))
    assert.is_true(list[2].time <= s:requests_to("/screen")[1].time)
    assert.equal("4", list[3].params.CallDuration)
    assert.equal("1", list[3].params.Duration)
  end)

  it("S16 with a recording, completed tells of it", function()
    local s <close> = open(party.takes { talk = 4 }, ALL, 'record="record-from-answer"')
    local list = play(s)
    local p, after = list[3].params, s:requests_to("/after")[1].params
    assert.equal("completed", p.CallStatus)
    assert.matches("^RE%x+$", p.RecordingSid)
    assert.equal(after.RecordingUrl, p.RecordingUrl)
    assert.matches(p.RecordingSid .. "$", p.RecordingUrl)
    assert.equal("4", p.RecordingDuration)
    assert.is_nil(list[2].params.RecordingSid)
  end)

  it("S16 a slow receiver delays neither the call nor the order", function()
    local s <close> = open(party.takes { ring = 1, talk = 2 }, ALL)
    s.web["/cb"] = function()
      moonline.sleep(6)
      return 204
    end
    local begun = moonline.clock()
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.near(3, after.time - begun, 0.3)
    party.ended(alice)
    assert.near(3, moonline.clock() - begun, 0.4)
    moonline.sleep(30)
    assert.equal("initiated 0, ringing 1, in-progress 2, completed 3", told(s))
    s:quiet()
  end)

  it("S16 a dead receiver delays nothing", function()
    local s <close> = open(party.takes { ring = 1, talk = 2 }, ALL)
    s.web["/voice"] = s.web["/voice"]:gsub('"/cb"', '"http://127.0.0.1:1/cb"')
    local begun = moonline.clock()
    local alice = assert(s:call())
    local after = s:request "/after"
    assert.near(3, after.time - begun, 0.3)
    assert.equal("completed", after.params.DialCallStatus)
    party.ended(alice)
    s:quiet()
    moonline.sleep(40)
  end)

  it("S16 a receiver that answers 500 is no reason for anything", function()
    local s <close> = open(party.takes { talk = 1 }, ALL)
    s.web["/cb"] = function() return 500, "no" end
    local alice = assert(s:call())
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    party.ended(alice)
    s:quiet()
    moonline.sleep(1)
    assert.equal("initiated 0, in-progress 1, completed 2", told(s))
  end)

  it("S15 an absolute URL with an underscore in its host is refused; the call goes on", function()
    local s <close> = open(party.takes { talk = 1 }, ALL)
    s.web["/voice"] = s.web["/voice"]:gsub('"/cb"', '"http://my_app.example.com/cb"')
    local alice = assert(s:call())
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    party.ended(alice)
    s:quiet()
    assert.matches("my_app", s:warned(11100))
    for _, event in ipairs(s:seen "webhook") do assert.is_nil(event.what:match "^status") end
  end)

  it("S16 voice.status_callback tells of the inbound call's end", function()
    local s <close> = stage.open(function(url)
      return { voice = { status_callback = url .. "/cb" } }
    end)
    s.web["/voice"] = stage.twiml '<Pause length="1"/><Pause length="61"/>'
    s.web["/cb"] = ""
    local alice = assert(s:call())
    party.ended(alice, 90)
    local p = s:request("/cb").params
    assert.equal("completed", p.CallStatus)
    assert.equal("inbound", p.Direction)
    assert.equal("0", p.SequenceNumber)
    assert.equal("61", p.CallDuration)
    assert.equal("2", p.Duration)
    assert.is_nil(p.ParentCallSid)
    s:quiet()
  end)
end)

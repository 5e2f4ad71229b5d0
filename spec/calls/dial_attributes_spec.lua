-- S8: the attributes of Dial, what each makes the call do. How it sounds is in the audio stories.
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

-- A Dial of these attributes to a phone of that behaviour: the parties.
local function open(fn, dial, config)
  local s = stage.open(config)
  local kate = story.phone(s, "kate", fn)
  local alice = story.begin(s, kate.address, { dial = dial })
  return s, kate, alice
end

-- Seconds from the document to the action, and the action's parameters.
local function dialled(fn, dial, timeout)
  local s <close> = open(fn, dial)
  s:request "/voice"
  local begun = moonline.clock()
  local params = s:request("/after", timeout).params
  local seconds = moonline.clock() - begun
  s:quiet()
  return seconds, params, s:warned(13212) or s:warned(13216)
end

describe("the attributes of Dial", function()
  it("S8 <Dial timeout>: seconds until nobody answers", function()
    for given, expected in pairs { ["1"] = 1, ["12"] = 12, ["600"] = 600 } do
      local seconds, params, warning = dialled(story.rings, ('timeout="%s"'):format(given), 700)
      assert.near(expected, seconds, 0.3)
      assert.equal("no-answer", params.DialCallStatus)
      assert.is_nil(warning)
    end
  end)

  it("S8 timeout: 30 when it is not given, and when it is wrong", function()
    local seconds, params = dialled(story.rings, "")
    assert.near(30, seconds, 0.3)
    assert.equal("no-answer", params.DialCallStatus)
    for _, wrong in ipairs { "0", "601", "ten", "-5", "" } do
      local warning
      seconds, params, warning = dialled(story.rings, ('timeout="%s"'):format(wrong))
      assert.near(30, seconds, 0.3)
      assert.equal("no-answer", params.DialCallStatus)
      assert.is_string(warning)
    end
  end)

  it("S8 timeout: does not end a call that was answered in time", function()
    local s <close>, _, alice = open(story.answers, 'timeout="2"')
    story.bridged(s)
    moonline.sleep(10)
    alice:hangup()
    assert.equal("10", s:request("/after").params.DialCallDuration)
    s:quiet()
  end)

  it("S8 <Dial timeLimit>: seconds of talk, counted from the answer", function()
    local seconds, params = dialled(function(call)
      call:ring()
      moonline.sleep(4)
      story.answers(call)
    end, 'timeLimit="7"')
    assert.near(11, seconds, 0.3)
    assert.equal("completed", params.DialCallStatus)
    assert.equal("7", params.DialCallDuration)
    assert.equal("true", params.DialBridged)
    assert.equal("in-progress", params.CallStatus)
  end)

  it("S8 timeLimit: four hours at most, which is also what is meant when it is wrong", function()
    for _, given in ipairs { 'timeLimit="14400"', "", 'timeLimit="14401"', 'timeLimit="0"' } do
      local seconds, params, warning = dialled(story.answers, given, 20000)
      assert.near(14400, seconds, 1)
      assert.equal("14400", params.DialCallDuration)
      assert.equal("completed", params.DialCallStatus)
      assert.equal(given:find "01" ~= nil or given:find '"0"' ~= nil, warning ~= nil)
    end
  end)

  it("S8 <Dial hangupOnStar>: the caller's star ends the callee's leg, not his own", function()
    local ended
    local s <close>, _, alice = open(function(call)
      call:answer()
      ended = call.box:wait({ "ended" }, 60)
      call:over(ended)
    end, 'hangupOnStar="true"')
    story.bridged(s)
    moonline.sleep(1)
    alice.core:play { digits = "1#" }
    moonline.sleep(3)
    assert.equal(0, #s:requests_to "/after")
    alice.core:play { digits = "*" }
    local params = s:request("/after", 5).params
    assert.equal("completed", params.DialCallStatus)
    assert.equal("true", params.DialBridged)
    assert.equal("in-progress", params.CallStatus)
    moonline.sleep(0.1)
    assert.equal("ended", ended.kind)
    s:quiet()
  end)

  it("S8 hangupOnStar: off, a star is for the callee to hear", function()
    for _, given in ipairs { "", 'hangupOnStar="false"' } do
      local heard
      local s <close>, _, alice = open(function(call)
        call:answer()
        heard = call:wait({ "digit" }, 60)
        while true do call:wait { "digit" } end
      end, given)
      story.bridged(s)
      moonline.sleep(1)
      alice.core:play { digits = "*" }
      moonline.sleep(3)
      assert.equal(0, #s:requests_to "/after")
      assert.equal("*", heard.digit)
      alice:hangup()
      s:request "/after"
      s:quiet()
    end
  end)

  it("S8 hangupOnStar: the callee's star ends nothing", function()
    local s <close>, _, alice = open(function(call)
      call:answer()
      moonline.sleep(1)
      call.core:play { digits = "*" }
      while true do call:wait { "digit" } end
    end, 'hangupOnStar="true"')
    story.bridged(s)
    moonline.sleep(5)
    assert.equal(0, #s:requests_to "/after")
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S8 <Dial answerOnBridge>: the caller rings until the bridge answers him", function()
    local s <close>, _, alice = open(function(call)
      call:ring()
      moonline.sleep(5)
      story.answers(call)
    end, 'answerOnBridge="true"')
    s:request "/voice"
    local begun = moonline.clock()
    local event = alice.box:wait({ "ringing", "answered" }, 30)
    assert.equal("ringing", event.kind)
    assert.equal(180, event.code)
    alice.box:wait({ "answered" }, 30)
    assert.near(5, moonline.clock() - begun, 0.3)
    story.bridged(s)
    moonline.sleep(3)
    alice:hangup()
    local params = s:request("/after").params
    assert.equal("completed", params.DialCallStatus)
    assert.equal("3", params.DialCallDuration)
    s:quiet()
  end)

  it("S8 answerOnBridge: without it the caller is answered before the callee is called", function()
    for _, given in ipairs { "", 'answerOnBridge="false"' } do
      local s <close>, _, alice = open(story.rings, given)
      alice.box:wait({ "answered" }, 5)
      alice:hangup()
      local params = s:request("/after").params
      assert.equal("canceled", params.DialCallStatus)
      assert.equal("completed", params.CallStatus)
      s:quiet()
    end
  end)

  local CHANNELS = {
    ["record-from-answer"] = "1", ["record-from-ringing"] = "1", ["true"] = "1",
    ["record-from-answer-dual"] = "2", ["record-from-ringing-dual"] = "2",
  }

  for value, channels in pairs(CHANNELS) do
    local name = "S8 <Dial record recordingStatusCallback recordingStatusCallbackEvent>: " .. value
    it(name, function()
      local s <close>, _, alice = open(story.answers, ('record="%s" recordingStatusCallback="/rec"'
        .. ' recordingStatusCallbackEvent="in-progress completed absent"'):format(value))
      s.web["/rec"] = ""
      story.bridged(s)
      moonline.sleep(4)
      alice:hangup()
      local action = s:request("/after").params
      s:request "/rec"
      local done = s:request("/rec")
      assert.equal("POST", done.method)
      local first, last = s:requests_to("/rec")[1].params, done.params
      assert.equal("in-progress", first.RecordingStatus)
      assert.equal("completed", last.RecordingStatus)
      assert.equal(channels, last.RecordingChannels)
      assert.equal("DialVerb", last.RecordingSource)
      assert.equal("4", last.RecordingDuration)
      assert.equal(action.CallSid, last.CallSid)
      assert.equal(action.RecordingUrl, last.RecordingUrl)
      assert.matches("^RE%x+$", last.RecordingSid)
      assert.is_true(last.RecordingUrl:find(last.RecordingSid, 1, true) ~= nil)
      s:quiet()
    end)
  end

  it("S8 record: nothing for do-not-record, false, no attribute, and 13217 for another", function()
    local given_all = { "", 'record="do-not-record"', 'record="false"', 'record="sometimes"' }
    for _, given in ipairs(given_all) do
      local s <close>, _, alice = open(story.answers, given .. ' recordingStatusCallback="/rec"')
      s.web["/rec"] = ""
      story.bridged(s)
      moonline.sleep(2)
      alice:hangup()
      assert.is_nil(s:request("/after").params.RecordingUrl)
      s:quiet()
      moonline.sleep(5)
      assert.equal(0, #s:requests_to "/rec")
      assert.equal(given:find "sometimes" ~= nil, s:warned(13217) ~= nil)
    end
  end)

  it("S8 <Dial recordingStatusCallbackMethod>: GET, and completed only by default", function()
    local s <close>, _, alice = open(story.answers, 'record="true"'
      .. ' recordingStatusCallback="/rec?a=b" recordingStatusCallbackMethod="GET"')
    s.web["/rec"] = ""
    story.bridged(s)
    moonline.sleep(2)
    alice:hangup()
    local told = s:request "/rec"
    assert.equal("GET", told.method)
    assert.equal("b", told.params.a)
    assert.equal("completed", told.params.RecordingStatus)
    moonline.sleep(5)
    assert.equal(1, #s:requests_to "/rec")
    s:quiet()
  end)

  it("S8 values that are wrong are told and leave the default", function()
    local s <close>, _, alice = open(story.answers, 'method="PUT" hangupOnStar="perhaps"'
      .. ' answerOnBridge="si" ringTone="mars" recordingStatusCallbackMethod="PATCH"'
      .. ' trim="a-little"')
    story.bridged(s)
    moonline.sleep(1)
    alice:hangup()
    local after = s:request "/after"
    assert.equal("POST", after.method)
    assert.equal("completed", after.params.DialCallStatus)
    for _, code in ipairs { 13210, 13213, 13219, 13220, 13256 } do
      assert.is_string(s:warned(code), code)
    end
    s:quiet()
  end)

  it("S8 <Dial ringTone>: each country of the list is taken", function()
    local tones = require("moonline.twiml.vocabulary").ring_tones
    assert.is_true(#tones > 10)
    for _, tone in ipairs(tones) do
      local s <close>, _, alice = open(story.rings, ('ringTone="%s" timeout="2"'):format(tone))
      alice.box:wait({ "answered" }, 5)
      moonline.sleep(0.5)
      assert.is_true(alice.core:stats().received > 0, tone)
      assert.equal("no-answer", s:request("/after").params.DialCallStatus)
      assert.is_nil(s:warned(13220))
      s:quiet()
    end
  end)
end)

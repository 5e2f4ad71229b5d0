-- The verbs against a session that writes down what they do.

local document = require "moonline.twiml.document"
local elements = require "moonline.elements"

local function session(state, results)
  local done = {}
  local call = setmetatable({ state = state }, {
    __index = function(_, method)
      return function(self, ...)
        done[#done + 1] = { method, ... }
        if method == "answer" then self.state = "in-progress" end
        return table.unpack(results and results[method] or {})
      end
    end,
  })
  local s = { call = call, base = "http://app/voice" }
  function s:source(node) return node.verb.source(self, node) end
  function s.fetch(_, url, params, method)
    done[#done + 1] = { "fetch", url, params, method }
    return { verbs = {} }
  end
  function s.finish() done[#done + 1] = { "finish" } end
  function s.warn(_, code) done[#done + 1] = { "warn", code } end
  return s, done
end

local function run(text, state, results)
  local doc = assert(document.parse("<Response>" .. text .. "</Response>"))
  local s, done = session(state or "in-progress", results)
  local node = doc.verbs[1]
  return done, node.verb.run(s, node)
end

describe("Say", function()
  it("plays the text", function()
    local done = run '<Say voice="alice" language="en-GB" loop="3">Hi</Say>'
    assert.same({ { "play", { say = "Hi", markup = false, voice = "alice", language = "en-GB",
      loop = 3 } } }, done)
  end)

  it("hands on speech markup; loop 0 is a thousand times", function()
    local done = run '<Say loop="0">a<break time="1s"/></Say>'
    assert.same({ say = 'a<break time="1s"></break>', markup = true, loop = 1000 }, done[1][2])
  end)

  it("with nothing to say does nothing", function()
    assert.same({}, (run "<Say/>"))
  end)
end)

describe("Play", function()
  it("plays a URL, relative to the document", function()
    local done = run '<Play loop="2"> /a.wav </Play>'
    assert.same({ { "play", { url = "/a.wav", base = "http://app/voice", loop = 2 } } }, done)
  end)

  it("plays digits", function()
    assert.same({ { "play", { digits = "12w#" } } }, (run '<Play digits="12w#"/>'))
  end)

  it("with nothing to play does nothing", function()
    assert.same({}, (run "<Play/>"))
    assert.same({}, (run "<Play>ftp://x/y</Play>"))
  end)
end)

describe("Pause", function()
  it("is silence on an answered call", function()
    assert.same({ { "play", { silence = 1 } } }, (run "<Pause/>"))
    assert.same({ { "play", { silence = 7 } } }, (run '<Pause length="7"/>'))
  end)

  it("puts the answer off on a ringing one", function()
    assert.same({ { "wait", {}, 3 }, { "answer" } }, (run('<Pause length="3"/>', "ringing")))
  end)
end)

describe("Redirect", function()
  it("goes on with another document, without answering", function()
    local done, doc = run("<Redirect method='GET'>../x?a=1&amp;b=2</Redirect>", "ringing")
    assert.same({ { "fetch", "../x?a=1&b=2", {}, "GET" } }, done)
    assert.truthy(doc)
  end)

  it("without a URL asks for this document again", function()
    assert.same({ { "fetch", "", {}, "POST" } }, (run "<Redirect></Redirect>"))
  end)
end)

describe("Reject", function()
  it("refuses a ringing call", function()
    assert.same({ { "reject", "rejected" } }, (run("<Reject/>", "ringing")))
    assert.same({ { "reject", "busy" } }, (run('<Reject reason="busy"/>', "ringing")))
  end)

  it("hangs up an answered one", function()
    assert.same({ { "hangup" } }, (run("<Reject/>", "in-progress")))
  end)
end)

describe("Hangup", function()
  it("ends the call as documents that are through do", function()
    assert.same({ { "finish" } }, (run "<Hangup/>"))
  end)
end)

describe("Gather", function()
  local function gather(attributes, results, body)
    return run(("<Gather %s>%s</Gather>"):format(attributes, body or ""), nil,
      { gather = results })
  end

  it("asks for digits as its attributes say", function()
    local done = gather('timeout="7" numDigits="4" finishOnKey="*"', { nil, "timeout", "" },
      "<Say>Press</Say><Play>/a.wav</Play><Pause/>")
    assert.same({ "gather", {
      play = { { say = "Press", markup = false, loop = 1 },
        { url = "/a.wav", base = "http://app/voice", loop = 1 }, { silence = 1 } },
      timeout = 7, digits = 4, finish_on_key = "*",
    } }, done[1])
  end)

  it("has defaults: 5 s, #", function()
    local done = gather("", { nil, "timeout", "" })
    assert.same({ timeout = 5, finish_on_key = "#" }, done[1][2])
  end)

  it("posts the digits to action, by default to this document", function()
    local done, doc = gather('action="/keys" method="GET"', { "12", "finished" })
    assert.same({ "fetch", "/keys", { Digits = "12" }, "GET" }, done[2])
    assert.truthy(doc)
    done = gather("", { "12", "finished" })
    assert.same({ "fetch", "", { Digits = "12" }, "POST" }, done[2])
  end)

  it("posts what had been pressed when the time ran out", function()
    local done = gather('action="/keys"', { nil, "timeout", "4" })
    assert.same({ "fetch", "/keys", { Digits = "4" }, "POST" }, done[2])
  end)

  it("with nothing pressed goes on with the next verb", function()
    local done, doc = gather('action="/keys"', { nil, "timeout", "" })
    assert.equal(1, #done)
    assert.is_nil(doc)
    done = gather('action="/keys"', { "", "finished" })
    assert.equal(1, #done)
  end)

  it("actionOnEmptyResult posts nevertheless", function()
    local done = gather('action="/keys" actionOnEmptyResult="true"', { nil, "timeout", "" })
    assert.same({ "fetch", "/keys", {}, "POST" }, done[2])
  end)

  it("posts nothing when the caller hung up", function()
    local done = gather('action="/keys" actionOnEmptyResult="true"', { nil, "hangup", "12" })
    assert.equal(1, #done)
  end)
end)

describe("Dial", function()
  it("S8: has all attributes, with their defaults", function()
    local doc = assert(document.parse "<Response><Dial><Sip>a@b</Sip></Dial></Response>")
    assert.same({
      method = "POST", timeout = 30, timeLimit = 14400, hangupOnStar = false,
      record = "do-not-record", trim = "do-not-trim", recordingStatusCallbackMethod = "POST",
      recordingStatusCallbackEvent = { "completed" }, answerOnBridge = false, sequential = false,
    }, doc.verbs[1].attrs)
  end)

  it("S8: record has five values and two old ones", function()
    for given, value in pairs {
      ["true"] = "record-from-answer", ["false"] = "do-not-record",
      ["record-from-ringing-dual"] = "record-from-ringing-dual",
      ["record-from-answer-dual"] = "record-from-answer-dual",
      ["record-from-ringing"] = "record-from-ringing", ["do-not-record"] = "do-not-record",
    } do
      local doc, problems = document.parse(
        ('<Response><Dial record="%s"><Sip>a@b</Sip></Dial></Response>'):format(given))
      assert.same({}, problems)
      assert.equal(value, doc.verbs[1].attrs.record)
    end
  end)

  it("S8, S9: wrong values are warnings with their own codes", function()
    for attribute, code in pairs {
      ['method="PUT"'] = 13210, ['timeout="x"'] = 13212, ['hangupOnStar="x"'] = 13213,
      ['callerId="a b"'] = 13214, ['timeLimit="0"'] = 13216, ['record="x"'] = 13217,
      ['sequential="x"'] = 13218, ['answerOnBridge="x"'] = 13219, ['ringTone="xx"'] = 13220,
      ['recordingStatusCallback="ftp://x"'] = 13256, ['action="http://a_b/"'] = 11100,
    } do
      local doc, problems = document.parse(
        ("<Response><Dial %s><Sip>a@b</Sip></Dial></Response>"):format(attribute))
      assert.equal(1, #problems, attribute)
      assert.equal(code, problems[1].code, attribute)
      assert.equal("warning", problems[1].level)
      assert.is_nil(doc.verbs[1].attrs.callerId)
    end
  end)
end)

describe("V1: attributes of TwiML", function()
  it("of the verbs we have are all known", function()
    local known = {
      Dial = "action answerOnBridge callerId events hangupOnStar method passports record "
        .. "recordingConfigurationId recordingStatusCallback recordingStatusCallbackEvent "
        .. "recordingStatusCallbackMethod recordingTrack referMethod referUrl ringTone sequential "
        .. "timeLimit timeout trim callReason",
      Gather = "action actionOnEmptyResult bargeIn debug enhanced finishOnKey hints input language "
        .. "maxSpeechTime method numDigits partialResultCallback partialResultCallbackMethod "
        .. "profanityFilter speechModel speechTimeout timeout",
      Record = "action finishOnKey maxLength method playBeep recordingConfigurationId "
        .. "recordingStatusCallback recordingStatusCallbackEvent recordingStatusCallbackMethod "
        .. "timeout transcribe transcribeCallback trim",
      Pause = "length", Play = "digits loop", Redirect = "method", Reject = "reason",
      Say = "language loop voice",
    }
    local finder = elements.new()
    for name, list in pairs(known) do
      for attribute in list:gmatch("%S+") do
        assert.truthy(finder:verb(name).attrs[attribute], name .. " " .. attribute)
      end
    end
    for attribute in ("amdStatusCallback amdStatusCallbackMethod machineDetection "
      .. "machineDetectionSilenceTimeout machineDetectionSpeechEndThreshold "
      .. "machineDetectionSpeechThreshold machineDetectionTimeout method password statusCallback "
      .. "statusCallbackEvent statusCallbackMethod url username"):gmatch("%S+") do
      assert.truthy(finder:noun("Sip").attrs[attribute], attribute)
    end
  end)
end)

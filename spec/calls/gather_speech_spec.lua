-- Gather that listens: when an utterance begins and ends, what the recogniser gets, what comes of it.
local audio = require "support.audio"
local json = require "dkjson"
local lfs = require "lfs"
local moonline = require "moonline"
local recogniser = require "support.recogniser"
local stage = require "support.stage"

local WORDS <const> = { [500] = "yes", [700] = "please", [1100] = "no" }
local WAIT <const> = stage.twiml '<Pause length="1"/>'

local function open(options)
  local s
  s = stage.open(function(url)
    local configuration = { speech = { recogniser = url .. "/ears" } }
    for key, value in pairs(options or {}) do configuration[key] = value end
    return configuration
  end)
  s.asked = {}
  s.web["/ears"] = recogniser.page(WORDS, s.asked)
  s.web["/said"], s.web["/next"], s.web["/partial"] = WAIT, WAIT, ""
  return s
end

-- Alice calls a document with such a Gather, does fn(alice), and the call goes on to its end: what
-- /said was told and when, and when /next was asked, in seconds since the answer.
local function gather(s, attributes, fn, prompts)
  s.web["/voice"] = stage.twiml(('<Gather action="/said" %s>%s</Gather><Redirect>/next</Redirect>')
    :format(attributes, prompts or ""))
  local alice = assert(s:call())
  local begun = moonline.clock()
  fn(alice)
  s:quiet(200)
  local said, after = s:requests_to("/said")[1], s:requests_to("/next")[1]
  return said and said.params, said and said.time - begun, after and after.time - begun
end

local function says(...)
  local list = { ... }
  return function(alice)
    for _, one in ipairs(list) do
      if one[1] == 0 then
        moonline.sleep(one[2])
      else
        alice:play { tone = tostring(one[1]), seconds = one[2] }
      end
    end
  end
end

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

local function nothing_kept(s)
  for name in lfs.dir(s.store .. "/media") do assert.is_nil(name:match("^utterance")) end
end

describe("V2 Gather speech", function()
  it("<Gather input speechTimeout>: the words and how sure they are, after that silence", function()
    local s <close> = open()
    local said, took, after = gather(s, 'input="speech" speechTimeout="2"',
      says({ 0, 1 }, { 500, 0.6 }, { 0, 1 }, { 700, 0.6 }))
    assert.equal("yes please", said.SpeechResult)
    assert.equal("0.875", said.Confidence)
    assert.is_nil(said.Digits)
    assert.near(3.2 + 2, took, 0.5)
    assert.is_nil(after)
    assert.same({}, codes(s))
    nothing_kept(s)
  end)

  it("<Gather language hints speechModel enhanced profanityFilter>: sent with it", function()
    local s <close> = open()
    gather(s, 'input="speech" speechTimeout="1" language="de-AT" hints="ja, nein danke" '
      .. 'speechModel="phone_call" enhanced="true" profanityFilter="false"',
      says({ 0, 3 }, { 500, 0.6 }))
    assert.equal(1, #s.asked)
    local asked = s.asked[1]
    assert.equal("de-AT", asked.language)
    assert.equal("ja, nein danke", asked.hints)
    assert.equal("phone_call", asked.model)
    assert.equal("true", asked.enhanced)
    assert.equal("false", asked.profanity_filter)
    assert.equal("true", asked.final)
    assert.truthy(asked.call_sid:match("^CA%x+$"))
    assert.truthy(asked["file-head"]:find("audio/wav", 1, true))
    assert.equal(8000, asked.wav.rate)
    assert.equal(1, asked.wav.channels)
    local tone = audio.tones(asked.wav[1], 500)
    assert.equal(1, #tone)
    assert.is_true(tone[1].from < 0.35) -- not the three seconds of silence before
    assert.near(0.6, tone[1].to - tone[1].from, 0.05)
    assert.near(0.6 + 1.2, asked.wav.seconds - tone[1].from, 0.2)
    local hook = s:requests_to("/ears")[1]
    assert.equal("POST", hook.method)
    assert.is_nil(hook.headers["x-twilio-signature"])
  end)

  it("takes a sentence of real speech as one", function()
    local s <close> = open()
    local long
    gather(s, 'input="speech" speechTimeout="1"', function(alice)
      moonline.sleep(1)
      local begun = moonline.clock()
      alice:say "I would like to talk to somebody about the invoice that came on Monday."
      long = moonline.clock() - begun
    end)
    assert.equal(1, #s.asked)
    assert.is_true(long > 2)
    assert.near(long, s.asked[1].wav.seconds - 1.4, 0.6)
  end)

  it("<Gather timeout speechTimeout>: timeout is the pause, auto is a second", function()
    local s <close> = open()
    local _, took = gather(s, 'input="speech" timeout="4"', says { 500, 0.5 })
    assert.near(4.5, took, 0.5)
    s.requests = {}
    _, took = gather(s, 'input="speech" timeout="auto" speechTimeout="auto"', says { 500, 0.5 })
    assert.near(1.5, took, 0.5)
    assert.same({}, codes(s))
  end)

  it("<Gather maxSpeechTime>: ends with it though somebody still speaks", function()
    local s <close> = open()
    local said, took = gather(s, 'input="speech" maxSpeechTime="3"', function(alice)
      alice.core:play { tone = "500", ms = 8000 }
    end)
    assert.equal("yes", said.SpeechResult)
    assert.near(3, took, 0.4)
    assert.near(3.2, s.asked[1].wav.seconds, 0.3)
  end)

  it("goes on when nobody speaks for timeout, or asks action with actionOnEmptyResult", function()
    local s <close> = open()
    local said, _, after = gather(s, 'input="speech" timeout="3"', function() end)
    assert.is_nil(said)
    assert.near(3, after, 0.3)
    s.requests = {}
    said = gather(s, 'input="speech" timeout="3" actionOnEmptyResult="true"', function() end)
    assert.is_nil(said.SpeechResult)
    assert.is_nil(said.Digits)
    assert.same({}, s.asked)
    nothing_kept(s)
  end)

  it("<Gather bargeIn>: a voice stops the prompt; false: it is heard from its end", function()
    local prompt = '<Pause length="10"/>'
    local s <close> = open()
    local said, took = gather(s, 'input="speech" speechTimeout="1"', says({ 0, 2 }, { 500, 0.5 }),
      prompt)
    assert.equal("yes", said.SpeechResult)
    assert.near(3.5, took, 0.5)
    s.requests = {}
    said, took = gather(s, 'input="speech" speechTimeout="1" bargeIn="false"',
      says({ 0, 2 }, { 500, 0.5 }, { 0, 9 }, { 1100, 0.5 }), prompt)
    assert.equal("no", said.SpeechResult)
    assert.near(13, took, 0.6)
  end)

  it("with keys and speech takes what comes first and no more of the other", function()
    local s <close> = open()
    local said = gather(s, 'input="dtmf speech" speechTimeout="1" numDigits="2"', function(alice)
      alice:play { tone = "500", seconds = 0.5 }
      alice:send_digits "12#"
    end)
    assert.equal("yes", said.SpeechResult)
    assert.is_nil(said.Digits)
    s.requests = {}
    said = gather(s, 'input="dtmf speech" speechTimeout="1" timeout="2"', function(alice)
      alice:send_digits "1"
      alice:play { tone = "500", seconds = 0.5 }
      alice:send_digits "2"
    end)
    assert.equal("12", said.Digits)
    assert.is_nil(said.SpeechResult)
    assert.equal(1, #s.asked)
    nothing_kept(s)
  end)

  it("does not take keys for an answer, or noise and clicks for a voice", function()
    local s <close> = open()
    local said, _, after = gather(s, 'input="speech" timeout="3"', function(alice)
      alice:send_digits "1"
      for _ = 1, 4 do
        alice:play { tone = "500", seconds = 0.02 }
        moonline.sleep(0.3)
      end
    end)
    assert.is_nil(said)
    assert.near(3, after, 0.3)
    assert.same({}, s.asked)
  end)

  it("<Gather partialResultCallback>: told while he speaks, in order, changed ones only", function()
    local s <close> = open()
    local said = gather(s, 'input="speech" speechTimeout="2" partialResultCallback="/partial"',
      says({ 500, 1.5 }, { 0, 0.5 }, { 700, 1.5 }, { 0, 0.5 }, { 1100, 1.5 }))
    assert.equal("yes please no", said.SpeechResult)
    local parts = s:requests_to "/partial"
    local texts = {}
    for i, request in ipairs(parts) do
      assert.equal(tostring(i - 1), request.params.SequenceNumber)
      assert.equal("in-progress", request.params.CallStatus)
      assert.is_nil(request.params.SpeechResult)
      assert.is_true(request.time <= s:requests_to("/said")[1].time)
      texts[i] = request.params.UnstableSpeechResult
    end
    assert.same({ "yes", "yes please", "yes please no" }, texts)
    local finals = 0
    for _, asked in ipairs(s.asked) do finals = finals + (asked.final == "true" and 1 or 0) end
    assert.equal(1, finals)
  end)

  it("<Gather partialResultCallbackMethod>: GET; a slow answer holds nothing up", function()
    local s <close> = open()
    s.web["/partial"] = function()
      moonline.sleep(6)
      return ""
    end
    local _, took = gather(s, 'input="speech" speechTimeout="1" partialResultCallback="/partial" '
      .. 'partialResultCallbackMethod="GET"', says { 500, 2 })
    assert.near(3, took, 0.5)
    assert.equal("GET", s:requests_to("/partial")[1].method)
  end)

  it("requests nothing when the caller hangs up while he speaks or it is recognised", function()
    local s <close> = open()
    local said = gather(s, 'input="speech" actionOnEmptyResult="true"', function(alice)
      alice:play { tone = "500", seconds = 1 }
      alice:hangup()
    end)
    assert.is_nil(said)
    s.web["/ears"] = function()
      moonline.sleep(5)
      return 200, json.encode { text = "late" }
    end
    said = gather(s, 'input="speech" speechTimeout="1"', function(alice)
      alice:play { tone = "500", seconds = 1 }
      moonline.sleep(2)
      alice:hangup()
    end)
    assert.is_nil(said)
    assert.equal(1, #s:requests_to "/ears")
    nothing_kept(s)
  end)

  it("without a recogniser takes keys: 13326", function()
    local s <close> = stage.open()
    s.web["/said"], s.web["/next"] = WAIT, WAIT
    local said = gather(s, 'input="speech" numDigits="1"', function(alice)
      alice:play { tone = "500", seconds = 0.5 }
      alice:send_digits "7"
    end)
    assert.equal("7", said.Digits)
    assert.same({ 13326 }, codes(s))
  end)

  for name, case in pairs {
    ["answers with an error"] = { function() return 500, "" end, 11200 },
    ["answers with something else"] = { function() return 200, "<html/>" end, 11206 },
    ["answers without a text"] = { function() return 200, "{}" end, 11206 },
    ["is sure beyond measure"] = {
      function() return 200, '{"text": "x", "confidence": 7}' end, 11206,
    },
    ["does not answer"] = { function()
      moonline.sleep(40)
      return 200, "{}"
    end, 11205 },
  } do
    it("with a recogniser that " .. name .. " has no result and goes on", function()
      local s <close> = open()
      s.web["/ears"] = case[1]
      local said, _, after = gather(s, 'input="speech" speechTimeout="1"', says { 500, 0.5 })
      assert.is_nil(said)
      assert.is_true(after > 1)
      assert.equal(case[2], codes(s)[1])
      nothing_kept(s)
    end)
  end

  it("goes on when the disk does not take what is said: 12400", function()
    local s <close> = open()
    s.web["/voice"] = function()
      assert(lfs.rmdir(s.store .. "/media"))
      return stage.twiml('<Gather input="dtmf speech" timeout="2" action="/said"/>'
        .. "<Redirect>/next</Redirect>")
    end
    local alice = assert(s:call())
    alice.core:play { tone = "500", ms = 500 }
    s:request "/next"
    s:quiet()
    assert.same({ 12400 }, codes(s))
    assert.same({}, s:requests_to "/said")
    alice:hangup()
  end)

  it("with a recogniser that is not there goes on", function()
    local s <close> = open { speech = { recogniser = "http://127.0.0.1:1/" } }
    local said, _, after = gather(s, 'input="speech" speechTimeout="1"', says { 500, 0.5 })
    assert.is_nil(said)
    assert.near(1.6, after, 0.6)
    assert.same({ 11205 }, codes(s))
  end)

  it("with wrong values takes its defaults and says so", function()
    local s <close> = open()
    gather(s, 'input="speech" speechTimeout="0" maxSpeechTime="soon" bargeIn="maybe" hints="'
      .. ("x"):rep(101) .. '" language="klingon!" profanityFilter="on" '
      .. 'partialResultCallbackMethod="PUT" timeout="1" debug="true"', function() end)
    local seen = codes(s)
    table.sort(seen)
    assert.same({ 12200, 12200, 13327, 13329, 13330, 13331, 13333, 13750 }, seen)
  end)
end)

describe("docs/speech.md", function()
  it("has a recogniser that works", function()
    local file <close> = assert(io.open "docs/speech.md")
    local text = file:read("a"):match("```lua\n(local moonline.-)```")
    text = text:gsub("port = 9000", "port = 0")
    local said
    local service = load(text .. "return service", "@speech.md", "t",
      setmetatable({ print = function(line) said = line end }, { __index = _G }))()
    assert.equal("listening at " .. service.url, said)
    local s <close> = open { speech = { recogniser = service.url .. "/recognise" } }
    assert.equal("something long", gather(s, 'input="speech" speechTimeout="1"',
      says { 500, 0.5 }).SpeechResult)
    assert.same({}, codes(s))
    service:close()
  end)
end)

describe("V2 L1 call:gather", function()
  it("returns what was said, and how sure that is", function()
    local s <close> = open()
    local got
    local answered = moonline.mailbox()
    local robot = s:phone("robot", function(call)
      call.env.config.speech.recogniser = s.app.url .. "/ears"
      got = table.pack(call:gather { input = "speech", speech_timeout = 1, timeout = 5 })
      answered:post { kind = "done" }
    end)
    local alice = assert(s:call { uri = robot.address })
    alice:play { tone = "500", seconds = 0.5 }
    assert(answered:wait({ "done" }, 20))
    assert.same({ "yes", "speech", 0.875, n = 3 }, got)
    alice:hangup()
  end)

  it("wants to know what it listens to", function()
    local s <close> = stage.open()
    local problem
    local robot = s:phone("robot", function(call)
      problem = select(2, pcall(call.gather, call, { input = "mind" }))
    end)
    assert.is_nil(s:call { uri = robot.address })
    assert.truthy(problem:find("gather: input is dtmf, speech, or both", 1, true))
  end)
end)

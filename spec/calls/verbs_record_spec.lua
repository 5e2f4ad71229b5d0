-- Record in live calls: what is in the file, what ends it, what action and the callbacks are told.
local audio = require "support.audio"
local lfs = require "lfs"
local moonline = require "moonline"
local recogniser = require "support.recogniser"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local NEXT <const> = stage.twiml '<Pause length="1"/>'
local BEEP <const> = 1000 -- Hz

local function open(attributes, options)
  local s = stage.open(options)
  s.web["/voice"] = stage.twiml(('<Record %s/><Redirect>/next</Redirect>'):format(attributes))
  s.web["/done"], s.web["/next"], s.web["/recording"], s.web["/words"] = NEXT, NEXT, "", ""
  return s
end

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

-- The file behind a RecordingUrl.
local function file_of(s, url)
  return audio.read(s.store .. "/recordings/" .. url:match("(RE%x+)$") .. ".wav")
end

local function says(alice, ...)
  for _, one in ipairs { ... } do
    if one[1] == 0 then
      moonline.sleep(one[2])
    else
      alice:play { tone = tostring(one[1]), seconds = one[2] }
    end
  end
end

-- Alice calls, hears out the beep, says these { hz, seconds }; the parameters of action, the seconds
-- from the answer to it, and what alice heard.
local function record(s, ...)
  local alice = assert(s:call())
  local begun = moonline.clock()
  local ear <close> = audio.listen(s.alice, alice)
  moonline.sleep(0.5)
  says(alice, ...)
  local request = s:request("/done", 40)
  local heard = ear:stop()
  s:quiet()
  return request.params, request.time - begun, heard
end

describe("V2 Record", function()
  it("<Record action>: what the caller says after a beep, cut to it; told where it is", function()
    local s <close> = open 'action="/done" timeout="2"'
    local params, took, heard = record(s, { 0, 1 }, { 600, 1.5 })
    assert.near(0.5 + 1 + 1.5 + 2, took, 0.4)
    local wav = file_of(s, params.RecordingUrl)
    assert.equal(1, wav.channels)
    assert.equal(8000, wav.rate)
    local tone = audio.tones(wav[1], 600)
    assert.equal(1, #tone)
    assert.near(1.5, tone[1].to - tone[1].from, 0.05)
    assert.near(1.7, wav.seconds, 0.1) -- a margin of 0.1 s on both sides
    assert.same({}, audio.tones(wav[1], BEEP))
    local beep = audio.tones(heard[1], BEEP)
    assert.equal(1, #beep)
    assert.near(0.4, beep[1].to - beep[1].from, 0.05)
    assert.equal("2", params.RecordingDuration)
    assert.equal(params.RecordingUrl:match("RE%x+$"), params.RecordingSid)
    assert.equal("in-progress", params.CallStatus)
    assert.is_nil(params.Digits)
    assert.same({}, s:requests_to "/next")
    assert.same({}, codes(s))
  end)

  it("<Record trim playBeep>: keeps the silence and does not beep", function()
    local s <close> = open 'action="/done" timeout="2" trim="do-not-trim" playBeep="false"'
    local params, took, heard = record(s, { 0, 1 }, { 600, 1 })
    assert.near(4.5, took, 0.4)
    local wav = file_of(s, params.RecordingUrl)
    local tone = audio.tones(wav[1], 600)
    assert.near(1.5, tone[1].from, 0.1)
    assert.near(took, wav.seconds, 0.2)
    assert.same({}, audio.sounds(heard[1]))
  end)

  it("<Record finishOnKey>: ends with one of these keys, which is told", function()
    local cases = { [""] = "7", ['finishOnKey="#"'] = "#", ['finishOnKey="*1"'] = "1" }
    for keys, last in pairs(cases) do
      local s <close> = open('action="/done" timeout="30" ' .. keys)
      local alice = assert(s:call())
      moonline.sleep(0.5)
      says(alice, { 600, 1 })
      alice.core:play { digits = "7" .. last }
      local params = s:request("/done").params
      assert.equal(last, params.Digits)
      assert.equal("1", params.RecordingDuration)
    end
  end)

  it("<Record maxLength>: ends with it, though the caller goes on", function()
    local s <close> = open 'action="/done" maxLength="3"'
    local alice = assert(s:call())
    alice.core:play { tone = "600", ms = 20000 }
    local params = s:request("/done").params
    assert.equal("3", params.RecordingDuration)
    assert.near(3, file_of(s, params.RecordingUrl).seconds, 0.01)
  end)

  it("<Record timeout>: 0 waits in silence for the end", function()
    local s <close> = open 'action="/done" timeout="0" maxLength="30" trim="do-not-trim"'
    local params, took = record(s, { 0, 20 })
    assert.near(30.4, took, 0.4)
    assert.equal("30", params.RecordingDuration)
  end)

  it("<Record action method>: told also when the caller hangs up: Digits=hangup", function()
    local s <close> = open 'action="/done" method="GET"'
    s.web["/done"] = stage.twiml "<Redirect>/next</Redirect>"
    local alice = assert(s:call())
    moonline.sleep(0.5)
    says(alice, { 600, 1 })
    alice:hangup()
    local request = s:request "/done"
    s:quiet()
    moonline.sleep(1)
    assert.equal("GET", request.method)
    assert.equal("hangup", request.params.Digits)
    assert.equal("completed", request.params.CallStatus)
    assert.equal("1", request.params.RecordingDuration)
    assert.equal(1, #audio.tones(file_of(s, request.params.RecordingUrl)[1], 600))
    assert.same({}, s:requests_to "/next")
  end)

  it("posts to the current document without action; with none there it is 11100", function()
    local s <close> = open 'timeout="1"'
    local first = true
    s.web["/voice"] = function()
      local page = first and '<Record timeout="1"/>' or "<Hangup/>"
      first = false
      return stage.twiml(page)
    end
    local alice = assert(s:call())
    moonline.sleep(0.5)
    says(alice, { 600, 0.5 })
    s:quiet()
    local list = s:requests_to "/voice"
    assert.equal(2, #list)
    assert.truthy(list[2].params.RecordingUrl)
  end)

  it("<Record recordingStatusCallbackEvent>: absent for silence; the next verb runs", function()
    local s <close> = open([[action="/done" timeout="2" recordingStatusCallback="/recording"
      recordingStatusCallbackEvent="in-progress completed absent"]])
    assert(s:call())
    local begun = moonline.clock()
    assert.near(2.4, s:request("/next").time - begun, 0.4)
    s:quiet()
    assert.same({}, s:requests_to "/done")
    assert.equal("in-progress", s:request("/recording").params.RecordingStatus)
    local params = s:request("/recording").params
    assert.equal("absent", params.RecordingStatus)
    for name in lfs.dir(s.store .. "/recordings") do assert.is_nil(name:match "^RE") end
  end)

  it("<Record recordingStatusCallback recordingStatusCallbackMethod>: told its end", function()
    local s <close> = open([[action="/done" timeout="1" recordingStatusCallback="/recording"
      recordingStatusCallbackMethod="GET"]])
    local done = record(s, { 600, 1 })
    local request = s:request "/recording"
    local params = request.params
    assert.equal("GET", request.method)
    assert.equal("completed", params.RecordingStatus)
    assert.equal("RecordVerb", params.RecordingSource)
    assert.equal("1", params.RecordingChannels)
    assert.equal(done.RecordingSid, params.RecordingSid)
    assert.equal(done.RecordingUrl, params.RecordingUrl)
    assert.equal(done.RecordingDuration, params.RecordingDuration)
    assert.equal(done.CallSid, params.CallSid)
    assert.equal(1, #s:requests_to "/recording")
  end)

  it("that cannot be written is a warning, told as failed; the document goes on", function()
    local s <close> = open([[action="/done" timeout="1" recordingStatusCallback="/recording"]])
    os.remove(s.store .. "/recordings")
    assert(s:call())
    s:request "/next"
    s:quiet()
    assert.equal("failed", s:request("/recording").params.RecordingStatus)
    assert.same({ 12400 }, codes(s))
    assert.same({}, s:requests_to "/done")
    assert(sys.mkdir(s.store .. "/recordings"))
  end)

  it("takes its defaults for wrong values and says so", function()
    local s <close> = open([[action="/done" method="PUT" timeout="-1" maxLength="x" finishOnKey="a"
      playBeep="loud" trim="some" transcribe="maybe" recordingStatusCallbackEvent="begun"
      recordingConfigurationId="x"]])
    local params, took = record(s, { 600, 1 })
    assert.equal("1", params.RecordingDuration)
    assert.near(1.5 + 5, took, 0.4)
    local seen = codes(s)
    table.sort(seen)
    assert.same({ 13610, 13611, 13612, 13613, 13614, 13616, 13621, 13699, 13750 }, seen)
  end)

  it("S14 records while a call is screened", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      moonline.sleep(0.6)
      call:play { tone = "600", seconds = 1 }
      call:wait {}
    end)
    s.web["/voice"] = stage.twiml(('<Dial><Sip url="/screen">%s</Sip></Dial>'):format(kate.address))
    s.web["/screen"] = stage.twiml '<Record action="/done" timeout="1"/>'
    s.web["/done"] = stage.twiml "<Hangup/>"
    assert(s:call())
    local params = s:request("/done").params
    assert.equal(1, #audio.tones(file_of(s, params.RecordingUrl)[1], 600))
    assert.truthy(params.ParentCallSid)
    s:quiet()
  end)

  describe("with transcribe", function()
    local function listening(attributes, asked)
      local s
      s = open(attributes, function(url) return { speech = { recogniser = url .. "/ears" } } end)
      s.web["/ears"] = recogniser.page({ [600] = "hello" }, asked)
      return s
    end

    it("<Record transcribeCallback> is told what was said", function()
      local asked = {}
      local s <close> = listening('action="/done" timeout="1" transcribeCallback="/words"', asked)
      local done = record(s, { 600, 1 })
      local params = s:request("/words").params
      assert.equal("hello", params.TranscriptionText)
      assert.equal("completed", params.TranscriptionStatus)
      assert.truthy(params.TranscriptionSid:match "^TR%x+$")
      assert.equal(done.RecordingSid, params.RecordingSid)
      assert.equal(done.CallSid, params.CallSid)
      assert.equal(1, #asked)
    end)

    it("tells that it failed; the call does not wait for it", function()
      local s <close> = listening 'action="/done" timeout="1" transcribeCallback="/words"'
      s.web["/ears"] = function()
        moonline.sleep(3)
        return 500, ""
      end
      local _, took = record(s, { 600, 1 })
      assert.near(2.5, took, 0.4)
      local params = s:request("/words").params
      assert.equal("failed", params.TranscriptionStatus)
      assert.equal("", params.TranscriptionText)
      assert.same({ 11200 }, codes(s))
    end)

    it("<Record transcribe>: at most two minutes", function()
      local s <close> = listening 'action="/done" transcribe="true"'
      local alice = assert(s:call())
      alice.core:play { tone = "600", ms = 0 }
      assert.equal("120", s:request("/done", 150).params.RecordingDuration)
    end)

    it("fails for what is longer, if the document wants it so", function()
      local s <close> = listening [[action="/done" transcribe="true" transcribeCallback="/words"
        maxLength="150"]]
      local alice = assert(s:call())
      alice.core:play { tone = "600", ms = 0 }
      assert.equal("150", s:request("/done", 160).params.RecordingDuration)
      assert.equal("failed", s:request("/words").params.TranscriptionStatus)
      assert.same({ 12400 }, codes(s))
      assert.same({}, s:requests_to "/ears")
    end)

    it("is refused without a recogniser: 13614; the recording is made", function()
      local s <close> = open 'action="/done" timeout="1" transcribe="true"'
      assert.equal("1", record(s, { 600, 1 }).RecordingDuration)
      assert.same({ 13614 }, codes(s))
    end)
  end)
end)

describe("a recording as MP3", function()
  local OWN <const> = "AC00000000000000000000000000000001"

  local function get(url, user)
    return assert(moonline.http.request { url = url, user = user or OWN, password = "secret",
      max_body = 1 << 22 })
  end

  it("is at its URL with .mp3, sounds the same, and is not kept", function()
    local s <close> = open 'action="/done" timeout="1"'
    local url = record(s, { 600, 2 }).RecordingUrl
    local answer = get(url .. ".mp3")
    assert.equal(200, answer.status)
    assert.equal("audio/mpeg", answer.type)
    assert.is_true(#answer.body < 2.5 * 4000 + 1000) -- 32 kbit/s
    s.web["/back.mp3"] = function()
      return 200, answer.body, { ["Content-Type"] = "audio/mpeg" }
    end
    s.web["/voice"] = stage.twiml "<Play>/back.mp3</Play>"
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    s:quiet()
    local tones = audio.tones(ear:stop()[1], 600)
    assert.near(2, audio.total(tones), 0.15)
    for name in lfs.dir(s.store .. "/media") do assert.is_nil(name:match "%.mp3$") end
  end)

  it("wants credentials, a recording, and one that can be read", function()
    local s <close> = open 'action="/done" timeout="1"'
    local url = record(s, { 600, 1 }).RecordingUrl
    assert.equal(401, get(url .. ".mp3", "nobody").status)
    assert.equal(404, get(url:gsub("RE%x+$", "RE" .. ("0"):rep(32)) .. ".mp3").status)
    assert.equal(404, get(url:gsub(OWN, "AC" .. ("0"):rep(32)) .. ".mp3").status)
    local file = assert(io.open(s.store .. "/recordings/" .. url:match "RE%x+$" .. ".wav", "w"))
    file:write "no audio"
    file:close()
    local answer = get(url .. ".mp3")
    assert.equal(500, answer.status)
    assert.equal(20500, moonline.json.decode(answer.body).code)
    for name in lfs.dir(s.store .. "/media") do assert.is_nil(name:match "%.mp3$") end
  end)
end)

describe("L1 call:record", function()
  -- A phone of the stage that records its caller: what record returned.
  local function recorded(s, options, fn)
    local box = moonline.mailbox()
    local robot = s:phone("robot", function(call)
      box:post { kind = "done", got = table.pack(call:record(options)) }
    end)
    local alice = assert(s:call { uri = robot.address })
    fn(alice)
    return table.unpack(assert(box:wait({ "done" }, 60)).got)
  end

  it("returns what it has when the caller hangs up", function()
    local s <close> = stage.open()
    local take = recorded(s, { beep = true }, function(alice)
      moonline.sleep(0.5)
      says(alice, { 600, 1 })
      alice:hangup()
    end)
    assert.equal("hangup", take.why)
    assert.near(1.1, take.duration, 0.1)
    assert.is_false(take.absent)
    assert.equal(1, #audio.tones(audio.read(take.path)[1], 600))
    os.remove(take.path)
  end)

  it("says which key or what else ended it", function()
    local s <close> = stage.open()
    local take = recorded(s, { keys = "#" }, function(alice)
      alice.core:play { digits = "1#" }
    end)
    assert.equal("key", take.why)
    assert.equal("#", take.key)
    take = recorded(s, { silence = 2, trim = true }, function() end)
    assert.equal("silence", take.why)
    assert.is_true(take.absent)
  end)
end)

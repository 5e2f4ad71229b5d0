-- Recordings of a Dial: whose voice, in which channel, from when, how long, and how they are told of.
local audio = require "support.audio"
local crypto = require "moonline.core.crypto"
local lfs = require "lfs"
local moonline = require "moonline"
local stage = require "support.stage"

local ACCOUNT <const> = "AC00000000000000000000000000000001"

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor((seconds or 0) * 1000) }
end

-- Opens a stage whose document dials kate with these attributes; kate does what `kate` says, else she
-- answers at once and talks at 600 Hz for a second.
local function open(attributes, kate, options)
  local s = stage.open(options)
  local phone = s:phone("kate", function(call)
    if kate then kate(call) else
      call:answer()
      tone(call, 600, 1)
    end
    call:wait {}
  end)
  s.web["/voice"] = stage.twiml(([[<Dial action="/after" recordingStatusCallback="/recording"
    recordingStatusCallbackEvent="in-progress completed absent" %s>
    <Sip statusCallback="/status">%s</Sip></Dial>]])
    :format(attributes, phone.address))
  s.web["/after"] = stage.twiml ""
  s.web["/recording"], s.web["/status"] = "", ""
  return s
end

-- The file behind a RecordingUrl.
local function file_of(s, url)
  return audio.read(s.store .. "/recordings/" .. url:match("(RE%x+)$") .. ".wav")
end

local function get(url, credentials, headers)
  headers = headers or {}
  headers.Authorization = credentials and "Basic " .. crypto.base64(credentials)
  return assert(moonline.http.request { url = url, headers = headers, max_body = 1 << 22 })
end

-- A call in which alice talks at 1000 Hz from the third second, for a second; five seconds in all.
local function five_seconds(s)
  local alice = assert(s:call())
  moonline.sleep(3)
  tone(alice, 1000, 1)
  moonline.sleep(2)
  alice:hangup()
  local after = s:request "/after".params
  s:quiet()
  return after
end

local function only(spans, from, seconds, slack)
  assert.equal(1, #spans)
  assert.near(from, spans[1].from, slack or 0.08)
  assert.near(seconds, spans[1].to - spans[1].from, 0.061)
end

describe("record", function()
  for value, channels in pairs {
    ["record-from-answer"] = 1, ["true"] = 1, ["record-from-answer-dual"] = 2,
  } do
    it(("S8 S12 %s has the talk from the answer on, as long as it was"):format(value), function()
      local s <close> = open(('record="%s"'):format(value))
      local after = five_seconds(s)
      local wav = file_of(s, after.RecordingUrl)
      assert.equal(channels, wav.channels)
      assert.equal(8000, wav.rate)
      assert.near(5, wav.seconds, 0.05)
      local alice, kate = wav[1], wav[channels]
      only(audio.tones(alice, 1000), 3, 1)
      only(audio.tones(kate, 600), 0, 1)
      assert.near(5108, audio.amplitude(alice, 1000, 3.2, 3.8), 100)
      assert.near(5108, audio.amplitude(kate, 600, 0.2, 0.8), 100)
      if channels == 2 then
        assert.same({}, audio.tones(wav[1], 600))
        assert.same({}, audio.tones(wav[2], 1000))
      end
      assert.equal(0, audio.level(wav[1], 1.2, 2.8)) -- nobody talks: silence, not a gap
    end)
  end

  for _, value in ipairs { "false", "do-not-record" } do
    it(("S8 %s records nothing"):format(value), function()
      local s <close> = open(('record="%s"'):format(value))
      assert.is_nil(five_seconds(s).RecordingUrl)
      assert.same({}, s:requests_to "/recording")
      assert.is_nil(s:request "/status".params.RecordingUrl)
    end)
  end

  for value, channels in pairs { ["record-from-ringing"] = 1, ["record-from-ringing-dual"] = 2 } do
    it(("S8 %s begins before the answer"):format(value), function()
      local s <close> = open(('record="%s"'):format(value), function(call)
        call:ring()
        moonline.sleep(2)
        call:answer()
        tone(call, 600, 1)
      end)
      local after = five_seconds(s)
      local wav = file_of(s, after.RecordingUrl)
      assert.equal("3", after.DialCallDuration)
      assert.near(5, wav.seconds, 0.05)
      only(audio.tones(wav[1], 1000), 3, 1)
      only(audio.tones(wav[channels], 600), 2, 1)
    end)
  end

  it("S8 record-from-ringing has the callee's early media", function()
    local s <close> = open('record="record-from-ringing-dual"', function(call)
      call.core:ring(true)
      tone(call, 900, 1)
      moonline.sleep(2)
      call:answer()
      tone(call, 600, 1)
    end)
    local wav = file_of(s, five_seconds(s).RecordingUrl)
    only(audio.tones(wav[2], 900), 0, 1)
    only(audio.tones(wav[2], 600), 2, 1)
  end)

  it("S8 record-from-answer leaves ringing and screening out", function()
    local s <close> = open('record="record-from-answer"', function(call)
      call:ring()
      moonline.sleep(1)
      call:answer()
      tone(call, 600)
    end)
    local kate = s.phones[1].address
    s.web["/voice"] = stage.twiml(([[<Dial action="/after" record="record-from-answer">
      <Sip url="/screen">%s</Sip></Dial>]]):format(kate))
    s.web["/screen"] = stage.twiml '<Pause length="1"/>'
    local wav = file_of(s, five_seconds(s).RecordingUrl)
    assert.near(3, wav.seconds, 0.06)
    only(audio.tones({ table.unpack(wav[1], 1, 7000) }, 600), 0, 0.85)
  end)

  it("S8 with answerOnBridge begins when there is something to hear", function()
    local s <close> = open('record="record-from-ringing" answerOnBridge="true"', function(call)
      call:ring()
      moonline.sleep(2)
      call:answer()
      tone(call, 600, 1)
    end)
    local alice = assert(s:call())
    moonline.sleep(3)
    alice:hangup()
    assert.near(3, file_of(s, s:request "/after".params.RecordingUrl).seconds, 0.06)
    s:quiet()
  end)

  it("S8 <Dial trim>: trim-silence keeps the talk only", function()
    local s <close> = open('record="record-from-answer" trim="trim-silence"', function(call)
      call:answer()
      moonline.sleep(1.5)
      tone(call, 600, 1)
    end)
    local after = five_seconds(s)
    local wav = file_of(s, after.RecordingUrl)
    assert.near(2.5 + 0.2, wav.seconds, 0.1) -- from 1.5 to 4, and a margin at both ends
    only(audio.tones(wav[1], 600), 0.1, 1)
    only(audio.tones(wav[1], 1000), 1.6, 1)
    assert.equal("3", after.RecordingDuration)
  end)

  it("S8 trim-silence of nothing but silence is told as absent", function()
    local s <close> = open('record="record-from-answer" trim="trim-silence"', function(call)
      call:answer()
    end)
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    local after = s:request "/after".params
    assert.is_nil(after.RecordingUrl)
    assert.equal("in-progress", s:request "/recording".params.RecordingStatus)
    local told = s:request "/recording".params
    assert.equal("absent", told.RecordingStatus)
    assert.equal("0", told.RecordingDuration)
    assert.is_nil(s:request "/status".params.RecordingUrl)
    assert.equal(404, get(told.RecordingUrl, ACCOUNT .. ":secret").status)
    s:quiet()
  end)

  it("S8 lasts as long as the talk when one side is silent, or on hold", function()
    local s <close> = open('record="record-from-answer-dual"', function(call)
      call:answer()
      tone(call, 600)
    end)
    local alice = assert(s:call())
    moonline.sleep(1)
    assert(alice.core:hold("inactive"))
    moonline.sleep(2)
    assert(alice.core:hold(false))
    moonline.sleep(1)
    tone(alice, 1000, 1)
    moonline.sleep(2)
    alice:hangup()
    local wav = file_of(s, s:request "/after".params.RecordingUrl)
    assert.near(6, wav.seconds, 0.06)
    only(audio.tones(wav[2], 600), 0, wav.seconds)
    only(audio.tones(wav[1], 1000), 4, 1)
    s:quiet()
  end)
end)

describe("a recording", function()
  it("S8 S12 S16 is told to callback, action and status, with one sid and URL", function()
    local s <close> = open('record="record-from-answer-dual"')
    local after = five_seconds(s)
    local begun, done = s:request "/recording".params, s:request "/recording".params
    local url = begun.RecordingUrl
    assert.matches("^http://127.0.0.1:%d+/2010%-04%-01/Accounts/AC%x+/Recordings/RE%x+$", url)
    assert.equal("in-progress", begun.RecordingStatus)
    assert.is_nil(begun.RecordingDuration)
    assert.equal("completed", done.RecordingStatus)
    assert.equal("5", done.RecordingDuration)
    for _, told in ipairs { begun, done } do
      assert.equal(ACCOUNT, told.AccountSid)
      assert.equal(after.CallSid, told.CallSid)
      assert.equal(url, told.RecordingUrl)
      assert.equal(url:match("RE%x+$"), told.RecordingSid)
      assert.equal("2", told.RecordingChannels)
      assert.equal("DialVerb", told.RecordingSource)
      assert.matches("^%a%a%a, %d%d? Jan 2026 %d%d:%d%d:%d%d %+0000$", told.RecordingStartTime)
    end
    assert.equal(url, after.RecordingUrl)
    local status = s:request "/status".params
    assert.equal("completed", status.CallStatus)
    assert.equal(url, status.RecordingUrl)
    assert.equal(url:match("RE%x+$"), status.RecordingSid)
    assert.equal("5", status.RecordingDuration)
    assert.equal(2, #s:requests_to "/recording")
  end)

  it("S8 is told once, as completed, when no event is named", function()
    local s <close> = open ""
    s.web["/voice"] = stage.twiml(([[<Dial action="/after" record="record-from-answer"
      recordingStatusCallback="/recording" recordingStatusCallbackMethod="GET">
      <Sip>%s</Sip></Dial>]]):format(s.phones[1].address))
    five_seconds(s)
    local told = s:request "/recording"
    assert.equal("completed", told.params.RecordingStatus)
    assert.equal("GET", told.method)
    assert.equal("1", told.params.RecordingChannels)
    assert.equal(1, #s:requests_to "/recording")
  end)

  it("S8 S12 is fetched at its URL, with and without .wav, with credentials", function()
    local s <close> = open('record="record-from-answer"')
    local url = five_seconds(s).RecordingUrl
    local own = ACCOUNT .. ":secret"
    local whole = get(url, own)
    assert.equal(200, whole.status)
    assert.equal("audio/wav", whole.type)
    assert.near(5, audio.parse(whole.body).seconds, 0.05)
    assert.equal(whole.body, get(url .. ".wav", own).body)
    for _, wrong in ipairs { false, ACCOUNT .. ":wrong", "nobody:secret", "" } do
      local refused = get(url, wrong or nil)
      assert.equal(401, refused.status)
      assert.matches("^Basic ", refused.headers["www-authenticate"])
    end
    local unknown = url:gsub("RE%x+$", "RE" .. ("0"):rep(32))
    assert.equal(404, get(unknown, own).status)
    assert.equal(404, get(unknown .. ".wav", own).status)
    assert.equal(404, get(url:gsub("%x$", "/../../x"), own).status)
    local part = get(url, own, { Range = "bytes=44-143" })
    assert.equal(206, part.status)
    assert.equal(whole.body:sub(45, 144), part.body)
    assert.equal(("bytes 44-143/%d"):format(#whole.body), part.headers["content-range"])
    assert.equal(416, get(url, own, { Range = "bytes=99999999-" }).status)
  end)

  it("S8 can be heard while it goes on", function()
    local s <close> = open('record="record-from-answer"')
    local alice = assert(s:call())
    moonline.sleep(3)
    local url = s:request "/recording".params.RecordingUrl
    local wav = audio.parse(get(url, ACCOUNT .. ":secret").body)
    assert.near(2.5, wav.seconds, 0.5)
    alice:hangup()
    s:quiet()
  end)

  it("S8 S12 OS4 that cannot be written is failed, and the call goes on", function()
    local s <close> = open('record="record-from-answer"')
    assert(lfs.rmdir(s.store .. "/recordings"))
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    moonline.sleep(3)
    alice:hangup()
    local after = s:request "/after".params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("3", after.DialCallDuration)
    assert.is_nil(after.RecordingUrl)
    assert.equal("in-progress", s:request "/recording".params.RecordingStatus)
    assert.equal("failed", s:request "/recording".params.RecordingStatus)
    assert.equal(1, #audio.tones(ear:stop()[1], 600))
    s:quiet()
  end)

  it("S8 ends with its Dial, and the next Dial has one of its own", function()
    local s <close> = open('record="record-from-answer"', function(call)
      call:answer()
      tone(call, 600, 1)
      moonline.sleep(2)
      call:hangup()
    end)
    local first = s.web["/voice"]
    s.web["/after"] = function(request)
      return #s:requests_to "/after" == 1 and first or stage.twiml "<Hangup/>", request and nil
    end
    assert(s:call())
    local one, two = s:request "/after".params, s:request "/after".params
    assert.are_not.equal(one.RecordingUrl, two.RecordingUrl)
    assert.near(2, file_of(s, one.RecordingUrl).seconds, 0.06)
    assert.near(2, file_of(s, two.RecordingUrl).seconds, 0.06)
    s:quiet()
  end)
end)

-- <Start><Recording>: a call is recorded while its documents go on, by what is in the file.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

-- What the document plays, and what the caller and kate say.
local PROMPT <const>, ALICE <const>, KATE <const> = 900, 500, 700

local EVENTS <const> = 'recordingStatusCallback="/rec" '
  .. 'recordingStatusCallbackEvent="in-progress completed absent"'

local function open(verbs)
  local s = stage.open()
  local wav = audio.wav(audio.sines { { PROMPT, 1 } })
  s.web["/a.wav"] = function() return 200, wav, { ["Content-Type"] = "audio/wav" } end
  s.web["/voice"], s.web["/rec"] = stage.twiml(verbs), ""
  return s
end

local function start(attributes)
  return ("<Start><Recording %s %s/></Start>"):format(attributes or "", EVENTS)
end

-- What the callback of that status was told.
local function told(s, status)
  for _, request in ipairs(s:requests_to "/rec") do
    if request.params.RecordingStatus == status then return request.params end
  end
end

local function file_of(s, params)
  return audio.read(s.store .. "/recordings/" .. params.RecordingSid .. ".wav")
end

-- Runs the verbs for alice, who says her tone after a while: the callbacks of both ends, and the file.
local function record(verbs)
  local s <close> = open(verbs)
  local alice = assert(s:call())
  moonline.sleep(2)
  alice:play { tone = tostring(ALICE), seconds = 0.5 }
  s:quiet()
  local done = told(s, "completed")
  return done, done and file_of(s, done), told(s, "in-progress"), s:seen "warning"
end

-- Seconds of that tone in a channel.
local function seconds(wav, channel, hz)
  return audio.total(audio.tones(wav[channel], hz))
end

local PLAY <const> = '<Play>/a.wav</Play><Pause length="3"/>'

describe("V2 Start", function()
  it("<Recording>: both tracks, a channel each, while the verbs go on", function()
    local done, wav, begun = record(start 'trim="do-not-trim"' .. PLAY)
    assert.equal(2, wav.channels)
    assert.near(0.5, seconds(wav, 1, ALICE), 0.05)
    assert.near(1, seconds(wav, 2, PROMPT), 0.05)
    assert.equal(0, seconds(wav, 1, PROMPT))
    assert.equal(0, seconds(wav, 2, ALICE))
    assert.near(2, audio.tones(wav[1], ALICE)[1].from, 0.15) -- one timeline
    assert.near(0, audio.tones(wav[2], PROMPT)[1].from, 0.15)
    assert.near(4, #wav[1] / 8000, 0.15)
    assert.same({ "4", "2", "StartCallRecordingTwiML" },
      { done.RecordingDuration, done.RecordingChannels, done.RecordingSource })
    assert.equal(begun.RecordingSid, done.RecordingSid)
    assert.is_nil(begun.RecordingDuration)
  end)

  it("<Recording channels>: mono is the sum", function()
    local done, wav = record(start 'channels="mono" trim="do-not-trim"' .. PLAY)
    assert.same({ 1, "1" }, { wav.channels, done.RecordingChannels })
    assert.near(0.5, seconds(wav, 1, ALICE), 0.05)
    assert.near(1, seconds(wav, 1, PROMPT), 0.05)
  end)

  it("<Recording track>: one alone, in one channel", function()
    local _, wav = record(start 'track="inbound" trim="do-not-trim"' .. PLAY)
    assert.equal(1, wav.channels)
    assert.same({ true, false }, { seconds(wav, 1, ALICE) > 0.4, seconds(wav, 1, PROMPT) > 0 })
    _, wav = record(start 'track="outbound" trim="do-not-trim"' .. PLAY)
    assert.equal(1, wav.channels)
    assert.same({ false, true }, { seconds(wav, 1, ALICE) > 0, seconds(wav, 1, PROMPT) > 0.9 })
  end)

  it("<Recording trim>: silence is cut at both ends, unless it says otherwise", function()
    local _, wav = record(start 'trim="trim-silence"' .. '<Pause length="1"/>' .. PLAY)
    assert.near(0.1, audio.tones(wav[2], PROMPT)[1].from, 0.1)
    assert.near(1.5 + 0.2, #wav[1] / 8000, 0.25)
  end)

  it("<Recording recordingStatusCallback recordingStatusCallbackEvent>: absent without a sound",
    function()
      local s <close> = open(start() .. '<Pause length="2"/>')
      assert(s:call())
      s:quiet()
      assert.truthy(told(s, "in-progress"))
      assert.truthy(told(s, "absent"))
      assert.is_nil(told(s, "completed"))
    end)

  it("<Recording recordingStatusCallbackMethod>: GET; told of its end alone by default", function()
    local s <close> = open('<Start><Recording recordingStatusCallback="/rec" '
      .. 'recordingStatusCallbackMethod="GET"/></Start>' .. PLAY)
    assert(s:call())
    s:quiet()
    local list = s:requests_to "/rec"
    assert.same({ 1, "GET", "completed" }, { #list, list[1].method,
      list[1].params.RecordingStatus })
  end)

  it("<Recording name>: Stop ends the one of that name, the others go on", function()
    local s <close> = open(start 'name="one" trim="do-not-trim"' .. start 'trim="do-not-trim"'
      .. '<Pause length="1"/><Stop><Recording name="one"/></Stop>'
      .. '<Stop><Recording name="two"/></Stop><Pause length="2"/>')
    assert(s:call())
    s:quiet()
    local lengths = {}
    for _, request in ipairs(s:requests_to "/rec") do
      lengths[#lengths + 1] = request.params.RecordingDuration
    end
    assert.same({ "1", "3" }, lengths)
    assert.matches('no recording is named "two"', s:warned(12200))
  end)

  it("<Recording> goes on through a Dial: the caller, and all that the caller hears", function()
    local s <close> = open ""
    local kate = s:phone("kate", function(call)
      call:ring()
      moonline.sleep(1)
      call:answer()
      call:play { tone = tostring(KATE), seconds = 1 }
      call:hangup()
    end)
    s.web["/voice"] = stage.twiml(start 'trim="do-not-trim"'
      .. ("<Dial><Sip>%s</Sip></Dial><Play>/a.wav</Play>"):format(kate.address))
    local alice = assert(s:call())
    moonline.sleep(1.2)
    alice:play { tone = tostring(ALICE), seconds = 0.5 }
    s:quiet()
    local wav = file_of(s, told(s, "completed"))
    assert.near(0.5, seconds(wav, 1, ALICE), 0.05)
    assert.near(1, seconds(wav, 2, KATE), 0.1)
    assert.near(1, seconds(wav, 2, PROMPT), 0.1)
    assert.near(1, audio.tones(wav[2], KATE)[1].from, 0.2)
    assert.near(0, audio.sounds(wav[2])[1].from, 0.2) -- ringback
  end)

  it("<Recording> ends with the caller's hangup, and is told of", function()
    local s <close> = open(start 'trim="do-not-trim"' .. '<Pause length="60"/>')
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    s:quiet()
    assert.equal("2", told(s, "completed").RecordingDuration)
  end)
end)

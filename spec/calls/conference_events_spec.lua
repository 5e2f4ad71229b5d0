-- What a conference tells the web app: its callbacks in their order, and its recording.
local audio = require "support.audio"
local changing = require "support.changing"
local conference = require "moonline.room.conference"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local participant = require "moonline.room.participant"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local QUIET = 'waitUrl="" beep="false" '
local ALL = 'statusCallback="/events" statusCallbackEvent="start end join leave mute '
  .. 'hold modify announcement" '

local function open(documents)
  local users = {}
  for user in pairs(documents) do users[#users + 1] = user end
  local s = stage.open(meeting.routes(table.unpack(users)))
  for user, document in pairs(documents) do
    s.web["/" .. user] = document:find("<", 1, true) and document or meeting.document(document)
  end
  s.web["/after"], s.web["/events"], s.web["/recorded"] = stage.twiml "<Hangup/>", "", ""
  s.web["/event-callback"] = ""
  return s
end

local function names(s)
  local list = {}
  for i, request in ipairs(s:requests_to "/events") do
    assert.equal(tostring(i - 1), request.params.SequenceNumber)
    list[i] = request.params.StatusCallbackEvent
  end
  return list
end

local function hang_up(s, ...)
  for _, one in ipairs { ... } do one.leg:hangup() end
  meeting.seen(s, "conference-ended")
  s:quiet()
  moonline.sleep(0.5)
end

describe("V2 Conference events", function()
  it("<Conference statusCallback statusCallbackEvent>: of the first one, in order", function()
    local s <close> = open {
      a = QUIET .. ALL .. 'participantLabel="anna" startConferenceOnEnter="false"',
      b = QUIET .. 'muted="true" statusCallback="/other" endConferenceOnExit="true"',
    }
    local a = meeting.call(s, "a")
    meeting.seen(s, "conference")
    local b = meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    b.leg:hangup()
    party.ended(a.leg)
    hang_up(s, a)
    assert.same({
      "participant-join", "participant-join", "conference-start", "participant-leave",
      "participant-leave", "conference-end",
    }, names(s))
    assert.same({}, s:requests_to "/other")
    local list = s:requests_to "/events"
    local first, second, last = list[1].params, list[2].params, list[6].params
    assert.equal(a.sid, first.CallSid)
    assert.equal("anna", first.ParticipantLabel)
    assert.equal("false", first.StartConferenceOnEnter)
    assert.equal("false", first.Muted)
    assert.equal("false", first.Hold)
    assert.equal("false", first.Coaching)
    assert.equal("false", first.EndConferenceOnExit)
    assert.equal(b.sid, second.CallSid)
    assert.equal("true", second.Muted)
    assert.equal("true", second.EndConferenceOnExit)
    for _, request in ipairs(list) do
      assert.equal("room", request.params.FriendlyName)
      assert.is_truthy(request.params.ConferenceSid:match "^CF%x+$")
      assert.equal(34, #request.params.ConferenceSid)
      assert.equal(first.ConferenceSid, request.params.ConferenceSid)
      assert.is_truthy(request.params.AccountSid)
      assert.is_truthy(request.params.Timestamp:match "^%a+, %d+ %a+ 2026")
    end
    assert.equal(b.sid, last.CallSidEndingConference)
    assert.equal("participant-with-end-conference-on-exit-left", last.ReasonConferenceEnded)
  end)

  it("<Conference statusCallbackMethod>; start and end when nothing is said of them", function()
    local s <close> = open {
      a = QUIET .. 'statusCallback="/events" statusCallbackMethod="GET"', b = QUIET,
    }
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    hang_up(s, a, b)
    assert.same({ "conference-start", "conference-end" }, names(s))
    assert.equal("GET", s:requests_to("/events")[1].method)
    assert.equal("last-participant-left",
      s:requests_to("/events")[2].params.ReasonConferenceEnded)
  end)

  it("tell who speaks", function()
    local s <close> = open {
      a = QUIET .. 'statusCallback="/events" statusCallbackEvent="speaker"', b = QUIET,
    }
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    a.leg.core:play { tone = "500", ms = 1000 }
    moonline.sleep(0.2)
    b.leg.core:play { tone = "900", ms = 3000 } -- packets go on: a's silence is heard
    moonline.sleep(4)
    hang_up(s, a, b)
    local told = {}
    for i, name in ipairs(names(s)) do
      local whose = s:requests_to("/events")[i].params.CallSid == a.sid and "a" or "b"
      told[i] = whose .. name:match "speech(.*)"
    end
    assert.same({ "a-start", "b-start", "a-stop" }, { table.unpack(told, 1, 3) })
  end)

  it("tell changes from outside: mute, hold with its music, modify, kick", function()
    local s <close> = open { a = QUIET .. ALL, b = QUIET }
    s.web["/hold"] = stage.twiml "<Play>/tone.wav</Play>"
    s.web["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 700, 60 } }), { ["Content-Type"] = "audio/wav" }
    end
    local a, b = meeting.call(s, "a"), meeting.call(s, "b", { ear = true })
    meeting.seen(s, "conference-started")
    local rooms = s.server.env.rooms
    local sid = rooms:list("conference")[1]
    a.leg.core:play { tone = "500", ms = 60000 }
    local function at() return moonline.clock() - b.ear.begun end
    local marks = {}
    for _, step in ipairs {
      { { muted = true } }, { { muted = false } },
      { { hold = true }, { url = s.app.url .. "/hold", method = "GET" } }, { { hold = false } },
      { { end_on_exit = true } },
    } do
      assert.is_true(participant.change(rooms, sid, b.sid, step[1], step[2]))
      marks[#marks + 1] = at()
      moonline.sleep(2)
    end
    assert.is_true(participant.kick(rooms, sid, b.sid))
    assert.equal(b.sid, s:request("/after").params.CallSid)
    party.ended(b.leg)
    party.ended(a.leg) -- b was changed to end it
    local heard = b.ear:stop()[1]
    local function level(mark, hz)
      return audio.amplitude(heard, hz, marks[mark] + 0.5, marks[mark] + 1.5)
    end
    assert.is_true(level(1, 500) > 3000)
    assert.is_true(level(3, 500) < 50)
    assert.is_true(level(3, 700) > 5000)
    assert.is_true(level(4, 500) > 3000)
    assert.is_true(level(4, 700) < 50)
    hang_up(s, a)
    local told = names(s)
    assert.same({
      "participant-mute", "participant-unmute", "participant-hold", "participant-unhold",
      "participant-modify", "participant-leave",
    }, table.move(told, #told - 7, #told - 2, 1, {}))
    assert.is_false(participant.kick(rooms, sid, b.sid))
    assert.is_false(participant.change(rooms, sid, b.sid, { muted = true }))
  end)

  it("announcements are for whom they are for, an end from outside is for all", function()
    local s <close> = open { a = QUIET .. ALL, b = QUIET, c = QUIET }
    s.web["/news"] = stage.twiml "<Play>/tone.wav</Play>"
    s.web["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 700, 2 } }), { ["Content-Type"] = "audio/wav" }
    end
    local a, b = meeting.call(s, "a", { ear = true }), meeting.call(s, "b", { ear = true })
    meeting.seen(s, "conference-started")
    local rooms = s.server.env.rooms
    local sid = rooms:list("conference")[1]
    assert.is_true(participant.announce(rooms, sid, b.sid, s.app.url .. "/news"))
    moonline.sleep(3)
    assert.is_true(participant.announce(rooms, sid, nil, s.app.url .. "/news"))
    moonline.sleep(3)
    assert.equal(2, #audio.tones(b.ear:stop()[1], 700))
    assert.equal(1, #audio.tones(a.ear:stop()[1], 700))
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference", 3)
    assert.is_true(conference.finish(rooms, sid))
    for _, one in ipairs { a, b, c } do party.ended(one.leg) end
    hang_up(s)
    local told = {}
    for _, name in ipairs(names(s)) do told[name] = (told[name] or 0) + 1 end
    assert.equal(2, told["announcement-end"]) -- one to her, one to all
    assert.equal(3, told["participant-leave"])
    assert.equal(1, told["conference-end"])
    assert.is_false(conference.finish(rooms, sid))
  end)

  it("a callback that fails is told and hurts nobody", function()
    local s <close> = open { a = QUIET .. ALL, b = QUIET }
    s.web["/events"] = function() return 500, "no" end
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    hang_up(s, a, b)
    assert.is_truthy(s:warned(11200))
  end)
end)

describe("V2 Conference recording", function()
  it("<Conference record recordingStatusCallback> <Conference recordingStatusCallbackEvent> "
    .. "<Conference eventCallbackUrl>", function()
    -- One channel of all, from the start to the end; what is told of it names the conference.
    local s <close> = open {
      a = QUIET .. 'record="record-from-start" recordingStatusCallback="/recorded" '
        .. 'recordingStatusCallbackEvent="in-progress completed" '
        .. 'eventCallbackUrl="/event-callback"',
      b = QUIET,
    }
    local a = meeting.call(s, "a")
    moonline.sleep(5) -- not of the conference
    local b = meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    local begun = moonline.clock()
    meeting.talk({ a, b }, 2)
    moonline.sleep(3)
    local lasted = moonline.clock() - begun
    local path = s.store
    hang_up(s, a, b)
    local first, last = s:request("/recorded").params, s:request("/recorded").params
    assert.equal("in-progress", first.RecordingStatus)
    assert.equal("completed", last.RecordingStatus)
    assert.equal("Conference", last.RecordingSource)
    assert.equal("1", last.RecordingChannels)
    assert.is_truthy(last.ConferenceSid:match "^CF")
    assert.is_nil(last.CallSid)
    local event = s:request("/event-callback").params
    assert.equal(last.RecordingUrl, event.RecordingUrl)
    assert.equal(last.ConferenceSid, event.ConferenceSid)
    local wav = audio.read(("%s/recordings/%s.wav"):format(path, last.RecordingSid))
    assert.equal(1, wav.channels)
    assert.near(lasted, wav.seconds, 0.3)
    assert.same({ 1, 2 }, meeting.heard(wav[1], 0.5, 1.5))
  end)

  it("<Conference trim recordingStatusCallbackMethod>: without the silence at both ends", function()
    local s <close> = open {
      a = QUIET .. 'record="record-from-start" trim="trim-silence" '
        .. 'recordingStatusCallback="/recorded" recordingStatusCallbackMethod="GET"',
      b = QUIET,
    }
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    moonline.sleep(3)
    meeting.talk({ a }, 1)
    moonline.sleep(4)
    hang_up(s, a, b)
    local request = s:request "/recorded"
    assert.equal("GET", request.method)
    assert.equal("1", request.params.RecordingDuration)
  end)

  it("of the Dial has the caller and, apart, what it hears", function()
    local s <close> = open {
      a = meeting.document(QUIET, "room", 'record="record-from-answer-dual"'), b = QUIET, c = QUIET,
    }
    local all = { meeting.call(s, "a"), meeting.call(s, "b"), meeting.call(s, "c") }
    meeting.seen(s, "conference-started")
    meeting.talk(all, 2)
    moonline.sleep(3)
    local path = s.store
    all[1].leg:hangup()
    local params = s:request("/after").params
    assert.equal("answered", params.DialCallStatus)
    local wav = audio.read(("%s/recordings/%s.wav"):format(path, params.RecordingSid))
    assert.equal(2, wav.channels)
    local from = audio.sounds(wav[1])[1].from
    assert.same({ 1 }, meeting.heard(wav[1], from + 0.5, from + 1.5))
    assert.same({ 2, 3 }, meeting.heard(wav[2], from + 0.5, from + 1.5))
    hang_up(s, all[2], all[3])
  end)
end)

describe("L2 a conference over a reload", function()
  it("callers of both generations hear each other, and the old one ends with it", function()
    local copy <close> = changing.folder()
    assert(os.execute(("cp -r '%s/moonline' '%s/'"):format(sys.lua_dir(), copy.path)))
    local s <close> = stage.open(meeting.routes("a", "b", "c"), { lua = copy.path })
    for _, user in ipairs { "a", "b", "c" } do
      s.web["/" .. user] = meeting.document(QUIET .. ALL)
    end
    s.web["/after"], s.web["/events"] = stage.twiml "<Hangup/>", ""
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    local file = copy.path .. "/moonline/dial/outcome.lua"
    changing.change(s, file, changing.read(file) .. "\n-- changed\n")
    local c = meeting.call(s, "c")
    assert.equal(2, changing.generations(s))
    meeting.seen(s, "conference", 3)
    local all = { a, b, c }
    for _, one in ipairs(all) do one.ear = audio.listen(one.phone, one.leg) end
    meeting.talk(all, 1)
    moonline.sleep(1.5)
    local want = { { 2, 3 }, { 1, 3 }, { 1, 2 } }
    for i, one in ipairs(all) do
      assert.same(want[i], meeting.heard(one.ear:stop()[1], 0.3, 0.8))
    end
    a.leg:hangup()
    b.leg:hangup()
    meeting.wait(function() return #s:requests_to "/events" == 6 end)
    assert.equal(2, changing.generations(s)) -- it runs the conference
    c.leg:hangup()
    meeting.seen(s, "conference-ended")
    s:quiet()
    meeting.wait(function() return changing.generations(s) == 1 end)
    assert.same({
      "participant-join", "participant-join", "conference-start", "participant-join",
      "participant-leave", "participant-leave", "participant-leave", "conference-end",
    }, names(s))
  end)
end)

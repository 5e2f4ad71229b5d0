-- Conferences: who hears whom, and when; how one comes in and goes.
local audio = require "support.audio"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

-- A stage where a, b, c ... call documents of their own: attributes of Conference by user.
local function open(documents, options)
  local users = {}
  for user in pairs(documents) do users[#users + 1] = user end
  local s = stage.open(meeting.routes(table.unpack(users)), options)
  for user, document in pairs(documents) do
    s.web["/" .. user] = document:find("<", 1, true) and document or meeting.document(document)
  end
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local QUIET = 'waitUrl="" beep="false"'

-- All of these in the room, then all say their tones; what each hears of the middle of them.
local function talk(parties, seconds)
  for _, one in ipairs(parties) do one.ear = audio.listen(one.phone, one.leg) end
  meeting.talk(parties, seconds or 1)
  moonline.sleep((seconds or 1) + 0.5)
  local heard = {}
  for i, one in ipairs(parties) do
    local samples = one.ear:stop()[1]
    heard[i] = meeting.heard(samples, 0.3, 0.8)
  end
  return heard
end

local function hang_up(s, parties)
  for _, one in ipairs(parties) do one.leg:hangup() end
  s:quiet()
end

describe("V2 Conference", function()
  it("<Conference>: each hears the other two and not itself, whatever its codec", function()
    local s <close> = open { a = QUIET, b = QUIET, c = QUIET }
    local all = {
      meeting.call(s, "a"), meeting.call(s, "b", { phone = { codecs = { "PCMA" } } }),
      meeting.call(s, "c"),
    }
    meeting.seen(s, "conference", 3)
    assert.same({ { 2, 3 }, { 1, 3 }, { 1, 2 } }, talk(all))
    hang_up(s, all)
  end)

  it("plays music of our own until it starts, and none afterwards", function()
    local s <close> = open { a = 'beep="false"', b = 'beep="false"' }
    local a = meeting.call(s, "a", { ear = true })
    moonline.sleep(3)
    local b = meeting.call(s, "b")
    local started = moonline.clock() - a.ear.begun
    moonline.sleep(2)
    local heard = a.ear:stop()[1]
    assert.is_true(audio.level(heard, 0.5, 2.5) > 200)
    assert.near(0, audio.level(heard, started + 0.2, started + 1.8), 20)
    hang_up(s, { a, b })
  end)

  it("<Conference startConferenceOnEnter>: two who may not wait for a third who may", function()
    local s <close> = open {
      a = QUIET .. ' startConferenceOnEnter="false"',
      b = QUIET .. ' startConferenceOnEnter="false"',
      c = QUIET,
    }
    local all = { meeting.call(s, "a"), meeting.call(s, "b") }
    meeting.seen(s, "conference", 2)
    assert.same({ {}, {} }, talk(all))
    assert.equal(0, #s:seen "conference-started")
    all[3] = meeting.call(s, "c")
    meeting.seen(s, "conference-started")
    assert.same({ { 2, 3 }, { 1, 3 }, { 1, 2 } }, talk(all))
    hang_up(s, all)
  end)

  it("<Conference muted> is heard by nobody and hears all", function()
    local s <close> = open { a = QUIET, b = QUIET .. ' muted="true"' }
    local all = { meeting.call(s, "a"), meeting.call(s, "b") }
    meeting.seen(s, "conference-started")
    assert.same({ {}, { 1 } }, talk(all))
    hang_up(s, all)
  end)

  it("<Conference coach> hears all and is heard by the one it coaches alone", function()
    local s <close> = open { a = QUIET, b = QUIET, c = QUIET }
    local all = { meeting.call(s, "a"), meeting.call(s, "b") }
    s.web["/c"] = meeting.document(QUIET .. (' coach="%s"'):format(all[1].sid))
    all[3] = meeting.call(s, "c")
    meeting.seen(s, "conference", 3)
    assert.same({ { 2, 3 }, { 1 }, { 1, 2 } }, talk(all))
    hang_up(s, all)
  end)

  it("a coach of nobody does not get in: 13240, failed", function()
    local s <close> = open { a = QUIET .. (' coach="CA%s"'):format(("0"):rep(32)) }
    local a = meeting.call(s, "a")
    assert.equal("failed", s:request("/after").params.DialCallStatus)
    assert.is_truthy(s:warned(13240))
    party.ended(a.leg)
    s:quiet()
    assert.same({}, s.server.env.rooms:list "conference")
  end)

  it("<Conference endConferenceOnExit> ends it for all, who go on with their documents", function()
    local s <close> = open {
      a = QUIET .. ' endConferenceOnExit="true"',
      b = stage.twiml('<Dial><Conference ' .. QUIET .. '>room</Conference></Dial><Redirect>/next'
        .. "</Redirect>"),
      c = QUIET,
    }
    s.web["/next"] = stage.twiml "<Hangup/>"
    local all = { meeting.call(s, "a"), meeting.call(s, "b"), meeting.call(s, "c") }
    meeting.seen(s, "conference-started")
    all[2].leg.core:play { tone = "900", ms = 1000 } -- RTP goes on while it ends
    all[1].leg:hangup()
    local first = s:request("/after").params
    local second = s:request("/after").params
    local by_sid = { [first.CallSid] = first, [second.CallSid] = second }
    assert.equal("in-progress", by_sid[all[3].sid].CallStatus)
    assert.equal("answered", by_sid[all[3].sid].DialCallStatus)
    assert.is_nil(by_sid[all[3].sid].DialCallSid)
    assert.is_nil(by_sid[all[3].sid].DialCallDuration)
    assert.equal("completed", by_sid[all[1].sid].CallStatus)
    s:request "/next"
    party.ended(all[2].leg)
    party.ended(all[3].leg)
    meeting.seen(s, "conference-ended")
    s:quiet()
    assert.same({}, s.server.env.rooms:list "conference")
  end)

  it("hangupOnStar leaves it, timeLimit ends it, each goes on; the others stay", function()
    local s <close> = open {
      a = meeting.document(QUIET, "room", 'hangupOnStar="true"'),
      b = meeting.document(QUIET, "room", 'timeLimit="8"'), c = QUIET,
    }
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference-started")
    b.leg:send_digits "*" -- has no meaning for b
    a.leg.core:play { digits = "1*" }
    assert.equal(a.sid, s:request("/after").params.CallSid)
    party.ended(a.leg)
    local limited = s:request("/after")
    assert.equal(b.sid, limited.params.CallSid)
    assert.near(8, moonline.clock() - b.begun, 0.5)
    party.ended(b.leg)
    moonline.sleep(5)
    assert.is_nil(c.leg.box:wait({ "ended" }, 0))
    hang_up(s, { c })
  end)

  it("hangupOnStar leaves it also while it waits for the start", function()
    local s <close> = open { a = meeting.document("", "room", 'hangupOnStar="true"') }
    local a = meeting.call(s, "a")
    moonline.sleep(2)
    a.leg.core:play { digits = "1*" }
    assert.equal("answered", s:request("/after").params.DialCallStatus)
    party.ended(a.leg)
    s:quiet()
  end)

  it("a server that closes ends a conference, a queue and all in them", function()
    local s <close> = open {
      a = QUIET, b = QUIET, c = stage.twiml "<Enqueue>support</Enqueue>",
      d = stage.twiml "<Dial><Queue>other</Queue></Dial>",
      e = stage.twiml '<Enqueue waitUrl="">other</Enqueue>',
    }
    for _, user in ipairs { "a", "b", "c", "e", "d" } do meeting.call(s, user) end
    meeting.seen(s, "conference-started")
    meeting.seen(s, "bridged")
  end)

  it("<Conference maxParticipants> are admitted; the next fails and goes on", function()
    local s <close> = open { a = QUIET, b = QUIET, c = QUIET .. ' maxParticipants="2"' }
    local all = { meeting.call(s, "a"), meeting.call(s, "b") }
    meeting.seen(s, "conference-started")
    local c = meeting.call(s, "c")
    assert.equal("failed", s:request("/after").params.DialCallStatus)
    assert.is_truthy(s:warned(13239))
    party.ended(c.leg)
    hang_up(s, all)
  end)

  it("<Conference participantLabel> is unique in it: 16025", function()
    local s <close> = open {
      a = QUIET .. ' participantLabel="kate"', b = QUIET .. ' participantLabel="kate"',
    }
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    assert.equal(b.sid, s:request("/after").params.CallSid)
    assert.is_truthy(s:warned(16025))
    party.ended(b.leg)
    hang_up(s, { a })
  end)

  it("<Conference beep>: heard by the others when one comes and goes, as it says", function()
    local s <close> = open {
      a = QUIET, b = QUIET, c = 'waitUrl="" beep="onEnter"', d = 'waitUrl="" beep="onExit"',
    }
    local a, b = meeting.call(s, "a", { ear = true }), meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    local c = meeting.call(s, "c")
    moonline.sleep(1)
    c.leg:hangup()
    moonline.sleep(1)
    local d = meeting.call(s, "d")
    moonline.sleep(1)
    d.leg:hangup()
    moonline.sleep(1)
    local spans = audio.sounds(a.ear:stop()[1])
    assert.equal(2, #spans)
    assert.near(0.24, spans[1].to - spans[1].from, 0.05)
    assert.near(3, spans[2].from - spans[1].from, 0.2)
    hang_up(s, { a, b })
  end)

  it("<Conference waitUrl waitMethod> plays once, then silence, until the start", function()
    local s <close> = open { a = 'waitUrl="/wait" waitMethod="GET" beep="false"', b = QUIET }
    s.web["/wait"] = stage.twiml('<Play>/tone.wav</Play><Record/><Pause length="1"/>'
      .. "<Play>/tone.wav</Play>")
    s.web["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 700, 1 } }), { ["Content-Type"] = "audio/wav" }
    end
    local a = meeting.call(s, "a", { ear = true })
    local request = s:request "/wait"
    assert.equal(a.sid, request.params.CallSid)
    assert.equal("GET", request.method)
    moonline.sleep(10)
    local spans = audio.tones(a.ear:stop()[1], 700)
    assert.equal(2, #spans)
    assert.near(2, spans[2].from - spans[1].from, 0.1)
    assert.is_truthy(s:warned(13238)) -- <Record>
    assert.equal(1, #s:requests_to "/wait")
    local b = meeting.call(s, "b")
    meeting.seen(s, "conference-started")
    assert.same({ { 2 }, { 1 } }, talk { a, b })
    hang_up(s, { a, b })
  end)

  it("the start cuts the waiting document off, also while it is being fetched", function()
    local s <close> = open {
      a = 'waitUrl="/wait" beep="false"', b = 'waitUrl="/slow" beep="false"',
    }
    s.web["/wait"] = stage.twiml '<Play>/tone.wav</Play>'
    s.web["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 700, 30 } }), { ["Content-Type"] = "audio/wav" }
    end
    s.web["/slow"] = function()
      moonline.sleep(5)
      return stage.twiml "<Play>/tone.wav</Play>"
    end
    local a = meeting.call(s, "a", { ear = true })
    moonline.sleep(2)
    local b = meeting.call(s, "b", { ear = true })
    local at = moonline.clock() - a.ear.begun
    moonline.sleep(8)
    local heard = a.ear:stop()[1]
    assert.is_true(audio.amplitude(heard, 700, at - 1, at - 0.2) > 5000)
    assert.is_true(audio.amplitude(heard, 700, at + 0.3, at + 1.5) < 50)
    assert.same({}, audio.sounds(b.ear:stop()[1]))
    hang_up(s, { a, b })
  end)

  for _, case in ipairs {
    { "answers 404", function() return 404, "none" end, 11200 },
    { "is no document", function() return "<Response>" end, 12100 },
  } do
    it("a waitUrl that " .. case[1] .. " gives way to our music", function()
      local s <close> = open { a = 'waitUrl="/wait" beep="false"' }
      s.web["/wait"] = case[2]
      local a = meeting.call(s, "a", { ear = true })
      moonline.sleep(3)
      assert.is_truthy(s:warned(case[3]))
      assert.is_true(audio.level(a.ear:stop()[1], 1, 2.5) > 200)
      hang_up(s, { a })
    end)
  end

  it("<Conference jitterBufferSize> is what packets wait before they are mixed", function()
    local s <close> = open {
      a = QUIET .. ' jitterBufferSize="off"', b = QUIET .. ' jitterBufferSize="large"', c = QUIET,
    }
    local all = { meeting.call(s, "a"), meeting.call(s, "b"), meeting.call(s, "c") }
    meeting.seen(s, "conference", 3)
    all[3].ear = audio.listen(all[3].phone, all[3].leg)
    meeting.talk({ all[1], all[2] }, 1)
    moonline.sleep(2)
    local heard = all[3].ear:stop()[1]
    local from = {}
    for i = 1, 2 do
      local at = 0
      while audio.amplitude(heard, meeting.tones[i], at, at + 0.02) < 2000 do at = at + 0.01 end
      from[i] = at
    end
    assert.near(0.06, from[2] - from[1], 0.015)
    hang_up(s, all)
  end)

  it("a caller who hangs up while it is waiting or joining leaves nothing behind", function()
    local s <close> = open { a = "", b = QUIET, c = QUIET }
    local a = meeting.call(s, "a")
    a.leg:hangup()
    assert.equal("completed", s:request("/after").params.CallStatus)
    meeting.seen(s, "conference-ended")
    for _ = 1, 5 do -- at every moment of its joining
      local leg = s:begin { uri = s:uri "b" }
      s:request "/b"
      leg:hangup()
    end
    s:quiet()
    moonline.sleep(1)
    assert.same({}, s.server.env.rooms:list "conference")
    local b = meeting.call(s, "b")
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference-started")
    assert.same({ { 2 }, { 1 } }, talk { b, c })
    hang_up(s, { b, c })
  end)

  it("one who vanishes without a BYE is missed by nobody for long", function()
    local s <close> = open({ a = QUIET, b = QUIET, c = QUIET })
    local all = { meeting.call(s, "a"), meeting.call(s, "b"), meeting.call(s, "c") }
    meeting.seen(s, "conference-started")
    local rooms = s.server.env.rooms
    local sid = rooms:list("conference")[1]
    assert.equal(3, #rooms:members(sid))
    all[3].leg:hangup()
    meeting.wait(function() return #rooms:members(sid) == 2 end)
    local left = { all[1], all[2] }
    assert.same({ { 2 }, { 1 } }, talk(left))
    hang_up(s, left)
  end)

  for _, case in ipairs {
    { "mixed with another noun", 13000, '<Conference>x</Conference><Sip>sip:a@b</Sip>' },
    { "without a name", 13237, "<Conference> </Conference>" },
  } do
    it(("%s fails, and the call is not answered: %d"):format(case[1], case[2]), function()
      local s <close> = open { a = stage.twiml('<Dial action="/after">' .. case[3] .. "</Dial>") }
      local leg = s:begin { uri = s:uri "a" }
      assert.equal("failed", s:request("/after").params.DialCallStatus)
      assert.is_truthy(s:warned(case[2]))
      assert.equal(404, party.ended(leg).code)
      s:quiet()
    end)
  end

  it("answers a call that rings, also under answerOnBridge", function()
    local s <close> = open { a = meeting.document(QUIET, "room", 'answerOnBridge="true"') }
    hang_up(s, { meeting.call(s, "a") })
  end)
end)

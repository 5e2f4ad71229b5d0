-- Conferences and participants of the REST interface: read, steered, called in.
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

-- Two in a conference that has started: the stage, its sid, and both.
local function started(attributes, ears)
  local s = stage.open(meeting.routes("a", "b", "c"))
  for _, user in ipairs { "a", "b", "c" } do
    s.web["/" .. user] = meeting.document('beep="false" ' .. (attributes or ""), "room")
  end
  s.web["/after"] = stage.twiml '<Pause length="60"/>'
  s.web["/events"] = ""
  local a = meeting.call(s, "a", { ear = ears })
  moonline.sleep(1)
  local b = meeting.call(s, "b", { ear = ears })
  meeting.seen(s, "conference-started")
  return s, s.server.env.rooms:list("conference")[1], a, b
end

local function path(sid, below)
  return "/Conferences/" .. sid .. (below or "") .. ".json"
end

local function change(s, sid, who, fields)
  return rest.post(s, path(sid, "/Participants/" .. who), fields)
end

local function listed(s, where, query)
  local status, list = rest.get(s, where, query)
  assert.equal(200, status)
  local found = {}
  for _, one in ipairs(list.participants or list.conferences) do
    found[#found + 1] = one.call_sid or one.sid
  end
  return found, list
end

local function over(s, ...)
  for _, one in ipairs { ... } do one.leg:hangup() end
  s:quiet()
  moonline.sleep(1)
end

local function told(s)
  local list = {}
  for i, request in ipairs(s:requests_to "/events") do
    list[i] = request.params.StatusCallbackEvent
  end
  return list
end

describe("Conferences", function()
  it("R1 are read and listed while they live and when they are over", function()
    local s <close>, sid, a, b = started()
    local status, one = rest.get(s, path(sid))
    assert.equal(200, status)
    assert.equal("in-progress", one.status)
    assert.equal("room", one.friendly_name)
    assert.matches("Participants%.json$", one.subresource_uris.participants)
    assert.same({ sid }, (listed(s, "/Conferences.json", { Status = "in-progress" })))
    over(s, a, b)
    one = select(2, rest.get(s, path(sid)))
    assert.equal("completed", one.status)
    assert.equal("last-participant-left", one.reason_conference_ended)
    assert.equal(b.sid, one.call_sid_ending_conference)
    for query, found in pairs {
      [{ FriendlyName = "room" }] = true, [{ FriendlyName = "other" }] = false,
      [{ Status = "completed" }] = true, [{ Status = "init" }] = false,
      [{ DateCreated = "2026-01-01" }] = true, [{ ["DateCreated>"] = "2026-02-01" }] = false,
      [{ ["DateUpdated<"] = "2026-02-01" }] = true, [{ DateUpdated = "2025-01-01" }] = false,
    } do
      assert.same(found and { sid } or {}, (listed(s, "/Conferences.json", query)))
    end
    assert.same({}, (listed(s, path(sid, "/Participants"))))
    assert.equal(404, (rest.get(s, path(sid, "/Participants/" .. a.sid))))
    assert.equal(404, (rest.get(s, path("CF" .. ("0"):rep(32)))))
    assert.equal(404, (rest.get(s, path("CF" .. ("0"):rep(32), "/Participants"))))
    assert.equal(400, (rest.get(s, "/Conferences.json", { Status = "over" })))
  end)

  it("R1 of one that waits is init, and completed without ever having begun", function()
    local s <close> = stage.open(meeting.routes("a"))
    s.web["/a"] = meeting.document()
    local a = meeting.call(s, "a")
    moonline.sleep(1)
    local _, list = listed(s, "/Conferences.json")
    assert.equal("init", list.conferences[1].status)
    over(s, a)
    _, list = listed(s, "/Conferences.json")
    assert.equal("completed", list.conferences[1].status)
  end)

  it("R1 are ended by Status=completed: all go on with their documents", function()
    local s <close>, sid, a, b = started()
    local status, one = rest.post(s, path(sid), { Status = "completed" })
    assert.equal(200, status)
    assert.equal("completed", one.status)
    s:request("/after", 2)
    s:request("/after", 2)
    one = select(2, rest.get(s, path(sid)))
    assert.equal("conference-ended-via-api", one.reason_conference_ended)
    assert.equal(200, (rest.post(s, path(sid), { Status = "completed" })))
    assert.equal(400, (rest.post(s, path(sid), { AnnounceUrl = s.app.url .. "/x" })))
    for _, fields in ipairs { {}, { Status = "in-progress" }, { AnnounceUrl = "x" } } do
      assert.equal(400, (rest.post(s, path(sid), fields)))
    end
    over(s, a, b)
  end)

  it("R1 AnnounceUrl is heard by all, and told once; one that fails is told as such", function()
    local s <close>, sid, a, b = started(
      'statusCallback="/events" statusCallbackEvent="announcement"', true)
    s.web["/news"] = stage.twiml '<Play digits="ww"/>'
    local status = rest.post(s, path(sid), { AnnounceUrl = s.app.url .. "/news",
      AnnounceMethod = "GET" })
    assert.equal(200, status)
    assert.equal("GET", s:request("/news", 1).method)
    assert.equal("room", s.server.env.rooms:get(sid).name)
    moonline.sleep(3)
    assert.equal(2, #s:requests_to "/news")
    assert.same({ "announcement-end" }, told(s))
    rest.post(s, path(sid), { AnnounceUrl = s.app.url .. "/nowhere" })
    moonline.sleep(2)
    assert.same({ "announcement-end", "announcement-fail" }, told(s))
    meeting.talk({ a, b }, 1) -- and the talk goes on
    moonline.sleep(2)
    b.ear:stop()
    assert.same({ 2 }, meeting.heard(a.ear:stop()[1], moonline.clock() - a.begun - 2))
    over(s, a, b)
  end)

  it("R1 V5 after a crash they are completed", function()
    local s <close> = stage.open()
    s.server.env.store:put("conference", { sid = "CF" .. ("1"):rep(32), name = "lost",
      status = "in-progress", created = 10, changed = 20 })
    require("moonline.recovery").run(s.server.env)
    local _, one = rest.get(s, path("CF" .. ("1"):rep(32)))
    assert.equal("completed", one.status)
  end)

  it("R1 are recorded on request, paused, and stopped", function()
    local s <close>, sid, a, b = started()
    meeting.talk({ a, b }, 30)
    local status, made = rest.post(s, path(sid, "/Recordings"), {})
    assert.equal(201, status)
    assert.equal("StartConferenceRecordingAPI", made.source)
    assert.equal(sid, made.conference_sid)
    moonline.sleep(2)
    local now
    status, now = rest.post(s, path(sid, "/Recordings/Twilio.CURRENT"), { Status = "paused" })
    assert.equal(200, status)
    assert.equal("paused", now.status)
    now = select(2, rest.post(s, path(sid, "/Recordings/" .. made.sid), { Status = "stopped" }))
    assert.equal("completed", now.status)
    assert.equal("2", now.duration)
    local _, list = rest.get(s, path(sid, "/Recordings"))
    assert.equal(made.sid, list.recordings[1].sid)
    _, list = rest.get(s, "/Recordings.json", { ConferenceSid = sid })
    assert.equal(made.sid, list.recordings[1].sid)
    assert.equal(200, (rest.get(s, path(sid, "/Recordings/" .. made.sid))))
    over(s, a, b)
    assert.equal(400, (rest.post(s, path(sid, "/Recordings"), {})))
    assert.equal(204, (rest.request(s, "DELETE", path(sid, "/Recordings/" .. made.sid))))
  end)
end)

describe("Participants", function()
  it("R1 are listed, filtered, read by CallSid and label", function()
    local s <close>, sid, a, b = started()
    s.web["/c"] = meeting.document('muted="true" participantLabel="the boss"')
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference", 3)
    local where = path(sid, "/Participants")
    assert.same({ a.sid, b.sid, c.sid }, (listed(s, where)))
    assert.same({ c.sid }, (listed(s, where, { Muted = "true" })))
    assert.same({ a.sid, b.sid }, (listed(s, where, { Muted = "false" })))
    assert.same({}, (listed(s, where, { Hold = "true" })))
    local first, list = listed(s, where, { PageSize = 2 })
    assert.same({ a.sid, b.sid }, first)
    local _, second = rest.request(s, "GET", list.next_page_uri, nil, { whole = true })
    assert.equal(c.sid, second.participants[1].call_sid)
    local status, one = rest.get(s, path(sid, "/Participants/the%20boss"))
    assert.equal(200, status)
    assert.equal(c.sid, one.call_sid)
    assert.equal("the boss", one.label)
    assert.equal("connected", one.status)
    assert.is_true(one.muted)
    assert.is_false(one.hold)
    assert.is_true(one.start_conference_on_enter)
    over(s, a, b, c)
  end)

  it("R1 are muted and heard again, put on hold with music of one's own", function()
    local s <close>, sid, a, b = started(
      'statusCallback="/events" statusCallbackEvent="mute hold modify leave"')
    s.web["/hold"] = stage.twiml '<Play digits="wwww"/><Redirect/>'
    local status, one = change(s, sid, b.sid, { Muted = "true" })
    assert.equal(200, status)
    assert.is_true(one.muted)
    status, one = change(s, sid, b.sid,
      { Muted = "false", Hold = "true", HoldUrl = s.app.url .. "/hold" })
    assert.equal(200, status)
    assert.is_false(one.muted)
    assert.is_true(one.hold)
    assert.equal("GET", s:request("/hold", 1).method)
    assert.equal("POST", s:request("/hold", 4).method) -- an empty Redirect
    assert.same({ b.sid }, (listed(s, path(sid, "/Participants"), { Hold = "true" })))
    change(s, sid, b.sid, { Hold = "false" })
    change(s, sid, b.sid, { EndConferenceOnExit = "true", BeepOnExit = "true" })
    assert.equal("onExit", s.server.env.rooms:member(sid, b.sid, "beep"))
    change(s, sid, b.sid, { BeepOnExit = "false" })
    assert.equal("false", s.server.env.rooms:member(sid, b.sid, "beep"))
    b.leg:hangup()
    s:request("/after", 5) -- it ended for a, too
    moonline.sleep(1)
    local list = told(s)
    table.sort(list)
    assert.same({ "participant-hold", "participant-leave", "participant-leave",
      "participant-modify", "participant-modify", "participant-mute", "participant-unhold",
      "participant-unmute" }, list)
    over(s, a, b)
  end)

  it("R1 hear announcements of their own", function()
    local s <close>, sid, a, b = started()
    s.web["/news"] = stage.twiml '<Play digits="ww"/>'
    change(s, sid, b.sid, { AnnounceUrl = s.app.url .. "/news", AnnounceMethod = "POST" })
    assert.equal(b.sid, s:request("/news", 1).params.CallSid)
    moonline.sleep(2)
    assert.equal(1, #s:requests_to "/news")
    over(s, a, b)
  end)

  it("R1 coach one of the others: CallSidToCoach", function()
    local s <close>, sid, a, b = started(nil, true)
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference", 3)
    local _, one = change(s, sid, c.sid, { Coaching = "true", CallSidToCoach = a.sid })
    assert.is_true(one.coaching)
    assert.equal(a.sid, one.call_sid_to_coach)
    assert.same({ c.sid }, (listed(s, path(sid, "/Participants"), { Coaching = "true" })))
    local from = moonline.clock() - a.begun
    meeting.talk({ a, b, c }, 2)
    moonline.sleep(2)
    local at = moonline.clock() - b.begun - 1.5
    assert.same({ 2, 3 }, meeting.heard(a.ear:stop()[1], from + 0.5))
    assert.same({ 1 }, meeting.heard(b.ear:stop()[1], at))
    _, one = change(s, sid, c.sid, { Coaching = "false" })
    assert.is_false(one.coaching)
    for _, fields in ipairs {
      { Coaching = "true" }, { Coaching = "true", CallSidToCoach = "CA" .. ("0"):rep(32) },
      { CallSidToCoach = c.sid }, { Muted = "loud" }, { HoldUrl = "x" }, { AnnounceMethod = "PUT" },
    } do
      assert.equal(400, (change(s, sid, c.sid, fields)))
    end
    over(s, a, b, c)
  end)

  it("R1 L2 are steered whatever generation runs them", function()
    local s <close>, sid, a, b = started()
    assert(s.server:reload())
    local c = meeting.call(s, "c")
    meeting.seen(s, "conference", 3)
    assert.is_true(select(2, change(s, sid, b.sid, { Muted = "true" })).muted)
    assert.is_true(select(2, change(s, sid, c.sid, { Hold = "true" })).hold)
    assert.equal(204, (rest.request(s, "DELETE", path(sid, "/Participants/" .. a.sid))))
    assert.equal(a.sid, s:request("/after", 1).params.CallSid)
    assert.equal(200, (rest.post(s, path(sid), { Status = "completed" })))
    s:request("/after", 1)
    s:request("/after", 1)
    over(s, a, b, c)
  end)

  it("R1 are put out by DELETE, and go on with their documents", function()
    local s <close>, sid, a, b = started()
    assert.equal(204, (rest.request(s, "DELETE", path(sid, "/Participants/" .. b.sid))))
    assert.equal(b.sid, s:request("/after", 1).params.CallSid)
    assert.same({ a.sid }, (listed(s, path(sid, "/Participants"))))
    assert.equal(404, (rest.request(s, "DELETE", path(sid, "/Participants/" .. b.sid))))
    rest.request(s, "DELETE", path(sid, "/Participants/" .. a.sid))
    s:request("/after", 1)
    local _, one = rest.get(s, path(sid))
    assert.equal("last-participant-kicked", one.reason_conference_ended)
    assert.equal(a.sid, one.call_sid_ending_conference)
    over(s, a, b)
  end)

  it("S18 R1 one of them is redirected, and the others stay", function()
    local s <close>, sid, a, b = started()
    s.web["/other"] = stage.twiml '<Pause length="5"/>'
    rest.post(s, "/Calls/" .. b.sid .. ".json", { Url = s.app.url .. "/other" })
    assert.equal(b.sid, s:request("/other", 1).params.CallSid)
    assert.same({ a.sid }, (listed(s, path(sid, "/Participants"))))
    change(s, sid, a.sid, { Hold = "true" })
    rest.post(s, "/Calls/" .. a.sid .. ".json", { Url = s.app.url .. "/other" })
    assert.equal(a.sid, s:request("/other", 1).params.CallSid)
    assert.equal(0, #s:requests_to "/after")
    s:quiet()
  end)
end)

describe("POST Participants", function()
  local function invite(s, name, to, fields)
    local form = { To = to, From = "desk" }
    for key, value in pairs(fields or {}) do form[key] = value end
    return rest.post(s, "/Conferences/" .. name .. "/Participants.json", form)
  end

  it("R1 calls two into a new conference, which lasts as long as they do", function()
    local s <close> = stage.open()
    s.web["/events"], s.web["/cb"] = "", ""
    local answers = {}
    local kate = s:phone("kate", party.takes { ring = 2 })
    local bob = s:phone("bob", function(call)
      answers.bob = call
      call:answer()
      party.stay(call)
    end)
    local status, one = invite(s, "the%20room", kate.address, {
      Label = "kate", StatusCallback = s.app.url .. "/cb", EndConferenceOnExit = "true",
      ConferenceStatusCallback = s.app.url .. "/events", Muted = "true",
      ConferenceStatusCallbackEvent = "start end join leave", StatusCallbackEvent = "answered",
    })
    assert.equal(201, status)
    assert.equal("queued", one.status)
    assert.equal("kate", one.label)
    assert.is_true(one.muted)
    local sid = one.conference_sid
    moonline.sleep(1)
    local _, ringing = rest.get(s, path(sid, "/Participants/kate"))
    assert.equal("ringing", ringing.status)
    local _, conference = rest.get(s, path(sid))
    assert.equal("init", conference.status)
    assert.equal("the room", conference.friendly_name)
    assert.equal(one.call_sid, s:request("/cb", 5).params.CallSid)
    status, one = invite(s, sid, bob.address, { Label = "bob" })
    assert.equal(201, status)
    assert.equal(sid, one.conference_sid)
    meeting.seen(s, "conference-started")
    local _, kate_now = rest.get(s, path(sid, "/Participants/kate"))
    assert.equal("connected", kate_now.status)
    assert.is_true(kate_now.muted)
    assert.is_true(kate_now.end_conference_on_exit)
    rest.request(s, "DELETE", path(sid, "/Participants/kate"))
    s:quiet()
    moonline.sleep(1)
    _, conference = rest.get(s, path(sid))
    assert.equal("participant-with-end-conference-on-exit-kicked",
      conference.reason_conference_ended)
    assert.same({ "participant-join", "participant-join", "conference-start",
      "participant-leave", "participant-leave", "conference-end" }, told(s))
    assert.is_not_nil(answers.bob.ended)
  end)

  it("R1 of one who does not come leaves nothing behind", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.refuses(486))
    local _, one = invite(s, "room", kate.address)
    s:quiet()
    moonline.sleep(1)
    local _, conference = rest.get(s, path(one.conference_sid))
    assert.equal("completed", conference.status)
    assert.same({}, s.server.env.rooms:list "conference")
    local mary = s:phone("mary", party.rings())
    _, one = invite(s, "room", mary.address, { Label = "mary" })
    moonline.sleep(1)
    assert.equal(400, (change(s, one.conference_sid, "mary", { Muted = "true" })))
    assert.equal(204, (rest.request(s, "DELETE",
      path(one.conference_sid, "/Participants/mary"))))
    s:quiet(3)
    _, one = invite(s, "room", mary.address)
    moonline.sleep(1)
    rest.post(s, path(one.conference_sid), { Status = "completed" })
    s:quiet(3)
  end)

  it("R1 says what is wrong, and makes no conference", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes())
    for code, fields in pairs {
      [21201] = { To = "" }, [21213] = { From = "" }, [13243] = { To = "sip:kate@exa mple" },
      [13224] = { To = "+15550100" }, [32009] = { To = "client:nobody" },
      [16025] = { Label = ("x"):rep(129) }, [13240] = { Coaching = "true" },
      [13235] = { Beep = "loud" }, [13239] = { MaxParticipants = "1" },
      [21626] = { ConferenceStatusCallbackEvent = "begin" },
      [21205] = { ConferenceRecordingStatusCallback = "x" },
    } do
      local status, fault = invite(s, "room", kate.address, fields)
      assert.equal(400, status)
      assert.equal(code, fault.code)
    end
    assert.equal(404, (invite(s, "CF" .. ("0"):rep(32), kate.address)))
    moonline.sleep(1)
    assert.same({}, s.server.env.rooms:list "conference")
  end)

  it("R1 ConferenceRecord records it from its start, and tells where", function()
    local s <close> = stage.open()
    s.web["/rec"] = ""
    local kate = s:phone("kate", party.takes { talk = 5 })
    local bob = s:phone("bob", party.takes())
    local _, one = invite(s, "room", kate.address, { ConferenceRecord = "true",
      ConferenceRecordingStatusCallback = s.app.url .. "/rec", EndConferenceOnExit = "true",
      Record = "true" })
    invite(s, "room", bob.address)
    s:quiet()
    local rec = s:request("/rec").params
    assert.equal(one.conference_sid, rec.ConferenceSid)
    assert.equal("completed", rec.RecordingStatus)
    moonline.sleep(1)
    local _, list = rest.get(s, "/Recordings.json", { CallSid = one.call_sid })
    assert.equal("OutboundAPI", list.recordings[1].source)
  end)
end)

-- Dial Queue: who gets whom, in which order, and what becomes of both when one goes.
local audio = require "support.audio"
local changing = require "support.changing"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local WAIT = stage.twiml '<Enqueue action="/out" waitUrl="">support</Enqueue>'

local function dial(attributes, queue)
  return stage.twiml(('<Dial action="/done" %s><Queue %s>support</Queue></Dial>')
    :format(attributes or "", queue or ""))
end

-- Callers a, b, c; agents x, y, z.
local function open(documents, server_options)
  local s = stage.open(meeting.routes("a", "b", "c", "x", "y", "z"), server_options)
  for _, user in ipairs { "a", "b", "c" } do s.web["/" .. user] = WAIT end
  for _, user in ipairs { "x", "y", "z" } do s.web["/" .. user] = dial() end
  for path, document in pairs(documents or {}) do s.web[path] = document end
  s.web["/out"], s.web["/done"] = stage.twiml "<Hangup/>", stage.twiml "<Hangup/>"
  return s
end

-- A queue that is known: one caller has been in it.
local function known(s)
  local a = meeting.call(s, "a")
  meeting.seen(s, "enqueued")
  a.leg:hangup()
  s:request "/out"
  s:quiet()
end

-- Do they hear each other, and nobody else?
local function together(parties)
  for _, one in ipairs(parties) do one.ear = audio.listen(one.phone, one.leg) end
  meeting.talk(parties, 1)
  moonline.sleep(1.5)
  local heard = {}
  for i, one in ipairs(parties) do heard[i] = meeting.heard(one.ear:stop()[1], 0.3, 0.8) end
  return heard
end

describe("V2 Queue", function()
  it("<Queue> connects the agent with the first who waits; both are told how it went", function()
    local s <close> = open()
    local a = meeting.call(s, "a")
    moonline.sleep(4)
    local b = meeting.call(s, "b")
    meeting.seen(s, "enqueued", 2)
    local x = meeting.call(s, "x")
    meeting.seen(s, "bridged")
    assert.same({ { 2 }, { 1 }, {} }, together { a, x, b })
    moonline.sleep(3)
    x.leg:hangup()
    local done = s:request("/done").params
    assert.equal("completed", done.DialCallStatus)
    assert.equal("true", done.DialBridged)
    assert.equal(a.sid, done.DialCallSid)
    assert.equal("4", done.DialCallDuration)
    assert.is_truthy(done.QueueSid:match "^QU")
    local out = s:request("/out").params
    assert.equal(a.sid, out.CallSid)
    assert.equal("bridged", out.QueueResult)
    assert.equal("4", out.QueueTime) -- until it was connected
    assert.equal(done.QueueSid, out.QueueSid)
    assert.equal("in-progress", out.CallStatus)
    party.ended(a.leg)
    b.leg:hangup()
    s:quiet()
    local rooms = s.server.env.rooms
    local queue = rooms:get(rooms:find("queue", "support"))
    assert.equal(0, queue.count)
    assert.equal("1", queue.served)
    assert.equal("4", queue.waited)
    assert.same({}, rooms:list "agents")
  end)

  it("several agents at once get one caller each, in order", function()
    local s <close> = open()
    local callers, agents = {}, {}
    for i, user in ipairs { "a", "b", "c" } do
      callers[i] = meeting.call(s, user)
      meeting.seen(s, "enqueued", i)
    end
    for i, user in ipairs { "x", "y", "z" } do
      agents[i] = s:begin { uri = s:uri(user), from = user }
    end
    meeting.seen(s, "bridged", 3)
    local got = {}
    for _, event in ipairs(s:seen "bridged") do got[event.call] = event.child end
    for i, user in ipairs { "x", "y", "z" } do
      assert.equal(callers[i].sid, got[s:requests_to("/" .. user)[1].params.CallSid])
    end
    for _, one in ipairs(callers) do one.leg:hangup() end
    for _ = 1, 3 do assert.equal("completed", s:request("/done").params.DialCallStatus) end
    for _, leg in ipairs(agents) do party.ended(leg) end
    s:quiet()
  end)

  it("agents wait at an empty queue, and get callers in the order of their coming", function()
    local s <close> = open()
    known(s)
    local x = meeting.call(s, "x", { ear = true })
    local y = meeting.call(s, "y")
    moonline.sleep(3)
    assert.is_true(#audio.tones(x.ear:stop()[1], { 440, 480 }) >= 1) -- it hears ringing
    local a = meeting.call(s, "a")
    meeting.seen(s, "bridged")
    local b = meeting.call(s, "b")
    meeting.seen(s, "bridged", 2)
    assert.same({ { 3 }, { 4 }, { 1 }, { 2 } }, together { x, y, a, b })
    for _, one in ipairs { a, b } do one.leg:hangup() end
    for _, one in ipairs { x, y } do party.ended(one.leg) end
    s:quiet()
  end)

  it("nobody comes within the Dial's timeout: no-answer", function()
    local s <close> = open { ["/x"] = dial 'timeout="5"' }
    known(s)
    local x = meeting.call(s, "x")
    local params = s:request("/done").params
    assert.equal("no-answer", params.DialCallStatus)
    assert.equal("false", params.DialBridged)
    assert.equal("0", params.DialCallDuration)
    assert.near(5, moonline.clock() - x.begun, 0.3)
    party.ended(x.leg)
    s:quiet()
  end)

  it("a queue nobody knows: failed, 14209", function()
    local s <close> = open()
    local x = meeting.call(s, "x")
    assert.equal("failed", s:request("/done").params.DialCallStatus)
    assert.is_truthy(s:warned(14209))
    party.ended(x.leg)
    s:quiet()
  end)

  it("<Queue url method>: the caller hears that document before they are connected", function()
    local s <close> = open { ["/x"] = dial("", 'url="/whisper" method="GET"'), ["/whisper"] =
      stage.twiml '<Play>/tone.wav</Play><Gather/>' }
    s.web["/tone.wav"] = function()
      return 200, audio.wav(audio.sines { { 700, 3 } }), { ["Content-Type"] = "audio/wav" }
    end
    local a = meeting.call(s, "a", { ear = true })
    moonline.sleep(2)
    local x = meeting.call(s, "x")
    local params = s:request("/whisper").params
    assert.equal(a.sid, params.CallSid)
    assert.equal(x.sid, params.DequeingCallSid)
    assert.equal("2", params.QueueTime)
    assert.is_truthy(params.QueueSid:match "^QU")
    moonline.sleep(2)
    assert.equal(0, #s:seen "bridged")
    meeting.seen(s, "bridged")
    assert.is_truthy(s:warned(14212)) -- <Gather>
    assert.equal(1, #audio.tones(a.ear:stop()[1], 700))
    assert.same({ { 2 }, { 1 } }, together { a, x })
    a.leg:hangup()
    assert.equal("completed", s:request("/done").params.DialCallStatus)
    party.ended(x.leg)
    s:quiet()
  end)

  it("a url that fails keeps nobody from being connected", function()
    local s <close> = open { ["/x"] = dial("", 'url="/nowhere"') }
    local a = meeting.call(s, "a")
    local x = meeting.call(s, "x")
    meeting.seen(s, "bridged")
    assert.is_truthy(s:warned(11200))
    a.leg:hangup()
    party.ended(x.leg)
    s:quiet()
  end)

  it("the caller hangs up while it is being connected: the agent gets the next", function()
    local s <close> = open { ["/x"] = dial('timeout="20"', 'url="/whisper"'),
      ["/whisper"] = stage.twiml '<Pause length="5"/>' }
    local a = meeting.call(s, "a")
    meeting.seen(s, "enqueued")
    local b = meeting.call(s, "b")
    local x = meeting.call(s, "x")
    s:request "/whisper"
    moonline.sleep(1)
    a.leg:hangup()
    local out = s:request("/out").params
    assert.equal("bridging-in-process", out.QueueResult)
    assert.equal(a.sid, out.CallSid)
    meeting.seen(s, "bridged")
    assert.same({ { 2 }, { 1 } }, together { b, x })
    b.leg:hangup()
    party.ended(x.leg)
    s:quiet()
  end)

  it("the agent hangs up while a caller is being connected: that one is first again", function()
    local s <close> = open { ["/x"] = dial("", 'url="/whisper"'),
      ["/whisper"] = stage.twiml '<Pause length="5"/>' }
    local a = meeting.call(s, "a")
    meeting.seen(s, "enqueued")
    local b = meeting.call(s, "b")
    local x = meeting.call(s, "x")
    s:request "/whisper"
    x.leg:hangup()
    local done = s:request("/done").params
    assert.equal("canceled", done.DialCallStatus)
    assert.equal("false", done.DialBridged)
    local y = meeting.call(s, "y")
    meeting.seen(s, "bridged")
    assert.same({ { 2 }, { 1 }, {} }, together { a, y, b })
    a.leg:hangup()
    b.leg:hangup()
    party.ended(y.leg)
    s:quiet()
  end)

  it("hangupOnStar and timeLimit of the agent end the talk; both go on", function()
    local s <close> = open {
      ["/x"] = dial 'hangupOnStar="true"', ["/y"] = dial 'timeLimit="6"',
    }
    local a = meeting.call(s, "a")
    local x = meeting.call(s, "x")
    meeting.seen(s, "bridged")
    x.leg.core:play { digits = "*" }
    assert.equal("completed", s:request("/done").params.DialCallStatus)
    assert.equal("bridged", s:request("/out").params.QueueResult)
    party.ended(a.leg)
    party.ended(x.leg)
    local b = meeting.call(s, "b")
    local y = meeting.call(s, "y")
    meeting.seen(s, "bridged", 2)
    assert.equal("6", s:request("/done").params.DialCallDuration)
    party.ended(b.leg)
    party.ended(y.leg)
    s:quiet()
  end)

  it("record of the Dial has both voices", function()
    local s <close> = open { ["/x"] = dial 'record="record-from-answer-dual"' }
    local a, x = meeting.call(s, "a"), meeting.call(s, "x")
    meeting.seen(s, "bridged")
    local path = s.store
    meeting.talk({ a, x }, 2)
    moonline.sleep(2.5)
    a.leg:hangup()
    local params = s:request("/done").params
    local wav = audio.read(("%s/recordings/%s.wav"):format(path, params.RecordingSid))
    assert.equal(2, wav.channels)
    local from = audio.sounds(wav[1])[1].from
    assert.same({ 2 }, meeting.heard(wav[1], from + 0.5, from + 1.5))
    assert.same({ 1 }, meeting.heard(wav[2], from + 0.5, from + 1.5))
    party.ended(x.leg)
    s:quiet()
  end)

  it("a queued caller of an old generation is connected with an agent of a new one", function()
    local copy <close> = changing.folder()
    assert(os.execute(("cp -r '%s/moonline' '%s/'"):format(sys.lua_dir(), copy.path)))
    local s <close> = open({}, { lua = copy.path })
    local a = meeting.call(s, "a")
    meeting.seen(s, "enqueued")
    local file = copy.path .. "/moonline/dial/outcome.lua"
    changing.change(s, file, changing.read(file) .. "\n-- changed\n")
    local b = meeting.call(s, "b")
    meeting.seen(s, "enqueued", 2)
    local x = meeting.call(s, "x")
    meeting.seen(s, "bridged")
    assert.equal(2, changing.generations(s))
    assert.same({ { 2 }, { 1 }, {} }, together { a, x, b })
    a.leg:hangup()
    assert.equal("completed", s:request("/done").params.DialCallStatus)
    party.ended(x.leg)
    meeting.wait(function() return changing.generations(s) == 1 end)
    b.leg:hangup()
    s:quiet()
  end)
end)

-- Enqueue: what a waiting caller hears, what its documents are told, how it comes out again.
local audio = require "support.audio"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local queue = require "moonline.room.queue"
local stage = require "support.stage"

local function enqueue(attributes, rest)
  return stage.twiml(('<Enqueue action="/out" %s>support</Enqueue>%s'):format(attributes or "",
    rest or ""))
end

-- a, b and c call into the queue, agent dials it.
local function open(document, options)
  local s = stage.open(meeting.routes("a", "b", "c", "agent"))
  document = document or enqueue 'waitUrl=""'
  for _, user in ipairs { "a", "b", "c" } do s.web["/" .. user] = document end
  s.web["/agent"] = stage.twiml(('<Dial action="/done" %s><Queue>support</Queue></Dial>')
    :format(options or ""))
  s.web["/out"], s.web["/done"] = stage.twiml "<Hangup/>", stage.twiml "<Hangup/>"
  return s
end

local function page(hz, seconds)
  return function()
    return 200, audio.wav(audio.sines { { hz, seconds } }), { ["Content-Type"] = "audio/wav" }
  end
end

describe("V2 Enqueue", function()
  it("<Enqueue> plays music of our own without waitUrl, silence with an empty one", function()
    local s <close> = open(enqueue())
    s.web["/b"] = enqueue 'waitUrl=""'
    local a, b = meeting.call(s, "a", { ear = true }), meeting.call(s, "b", { ear = true })
    moonline.sleep(4)
    assert.is_true(audio.level(a.ear:stop()[1], 1, 3) > 200)
    assert.same({}, audio.sounds(b.ear:stop()[1]))
    a.leg:hangup()
    b.leg:hangup()
    s:quiet()
    assert.equal("hangup", s:requests_to("/out")[1].params.QueueResult)
  end)

  it("<Enqueue waitUrl>: again and again, with where the caller stands", function()
    local s <close> = open(enqueue 'waitUrl="/wait" maxQueueSize="7"')
    s.web["/wait"] = stage.twiml '<Play>/tone.wav</Play><Pause length="2"/>'
    s.web["/tone.wav"] = page(700, 1)
    local a = meeting.call(s, "a", { ear = true })
    local first = s:request("/wait").params
    assert.equal(a.sid, first.CallSid)
    assert.is_truthy(first.QueueSid:match "^QU%x+$")
    assert.equal("1", first.QueuePosition)
    assert.equal("0", first.QueueTime)
    assert.equal("0", first.AvgQueueTime)
    assert.equal("1", first.CurrentQueueSize)
    assert.equal("7", first.MaxQueueSize)
    local b = meeting.call(s, "b")
    local second
    repeat second = s:request("/wait").params until second.CallSid == b.sid
    assert.equal("2", second.QueuePosition)
    assert.equal("2", second.CurrentQueueSize)
    moonline.sleep(9)
    local again = s:requests_to "/wait"
    assert.is_true(#again >= 6)
    local longest = 0
    for _, request in ipairs(again) do
      longest = math.max(longest, math.tointeger(tonumber(request.params.QueueTime)))
    end
    assert.equal(6, longest)
    assert.equal(3, #audio.tones(a.ear:stop()[1], 700))
    a.leg:hangup()
    repeat second = s:request("/wait").params
    until second.CallSid == b.sid and second.QueuePosition == "1"
    b.leg:hangup()
    s:quiet()
  end)

  it("<Enqueue waitUrlMethod>; an empty document is asked for once a second, not more", function()
    local s <close> = open(enqueue 'waitUrl="/wait" waitUrlMethod="GET"')
    s.web["/wait"] = stage.twiml ""
    local a = meeting.call(s, "a")
    moonline.sleep(150)
    assert.near(150, #s:requests_to "/wait", 3)
    assert.equal("GET", s:requests_to("/wait")[1].method)
    a.leg:hangup()
    s:quiet()
  end)

  for _, case in ipairs {
    { "answers 500", function() return 500, "no" end, 11200 },
    { "is no document", function() return "<Response>" end, 12100 },
  } do
    it(("a waitUrl that %s: QueueResult error, %d"):format(case[1], case[3]), function()
      local s <close> = open(enqueue 'waitUrl="/wait"')
      s.web["/wait"] = case[2]
      local a = meeting.call(s, "a")
      assert.equal("error", s:request("/out").params.QueueResult)
      assert.is_truthy(s:warned(case[3]))
      party.ended(a.leg)
      s:quiet()
    end)
  end

  it("<Leave> goes on behind the <Enqueue action>, at once: QueueResult leave", function()
    local s <close> = open(enqueue 'waitUrl="/wait"')
    s.web["/wait"] = stage.twiml '<Pause length="3"/><Leave/><Pause length="60"/>'
    local a = meeting.call(s, "a")
    local params = s:request("/out").params
    assert.equal("leave", params.QueueResult)
    assert.equal("3", params.QueueTime)
    assert.is_truthy(params.QueueSid:match "^QU")
    assert.equal("in-progress", params.CallStatus)
    party.ended(a.leg)
    s:quiet()
  end)

  it("without action the verb after it is next", function()
    local s <close> = open(stage.twiml '<Enqueue waitUrl="/wait">support</Enqueue>'
      :gsub("</Response>", "<Redirect>/out</Redirect></Response>"))
    s.web["/wait"] = stage.twiml "<Leave/>"
    local a = meeting.call(s, "a")
    s:request "/out"
    party.ended(a.leg)
    s:quiet()
  end)

  it("Leave elsewhere has no effect: 12200", function()
    local s <close> = open(stage.twiml "<Leave/><Redirect>/out</Redirect>")
    local a = s:begin { uri = s:uri "a" }
    s:request "/out"
    assert.is_truthy(s:warned(12200))
    party.ended(a)
    s:quiet()
  end)

  it("a Gather in the waiting document leads to documents that may leave", function()
    local s <close> = open(enqueue 'waitUrl="/wait"')
    s.web["/wait"] = stage.twiml '<Gather numDigits="1" timeout="60" action="/key"/>'
    s.web["/key"] = stage.twiml "<Leave/>"
    local a = meeting.call(s, "a")
    s:request "/wait"
    a.leg.core:play { digits = "5" }
    assert.equal("5", s:request("/key").params.Digits)
    assert.equal("leave", s:request("/out").params.QueueResult)
    party.ended(a.leg)
    s:quiet()
  end)

  it("<Enqueue method>; Hangup in the waiting document: QueueResult hangup", function()
    local s <close> = open(enqueue 'waitUrl="/wait" method="GET"')
    s.web["/wait"] = stage.twiml '<Pause length="2"/><Hangup/>'
    local a = meeting.call(s, "a")
    party.ended(a.leg)
    local request = s:request "/out"
    assert.equal("GET", request.method)
    local params = request.params
    assert.equal("hangup", params.QueueResult)
    assert.equal("completed", params.CallStatus)
    s:quiet()
  end)

  it("verbs that cannot be in a waiting document are left out: 14212", function()
    local s <close> = open(enqueue 'waitUrl="/wait"')
    s.web["/wait"] = stage.twiml '<Dial><Queue>support</Queue></Dial><Leave/>'
    local a = meeting.call(s, "a")
    assert.equal("leave", s:request("/out").params.QueueResult)
    assert.is_truthy(s:warned(14212))
    party.ended(a.leg)
    s:quiet()
  end)

  it("<Enqueue maxQueueSize>, reached: QueueResult queue-full, 14207", function()
    local s <close> = open(enqueue 'waitUrl="" maxQueueSize="1"')
    local a = meeting.call(s, "a")
    meeting.seen(s, "enqueued")
    local b = meeting.call(s, "b")
    local params = s:request("/out").params
    assert.equal("queue-full", params.QueueResult)
    assert.equal(b.sid, params.CallSid)
    assert.is_truthy(s:warned(14207))
    party.ended(b.leg)
    a.leg:hangup()
    s:quiet()
  end)

  for _, case in ipairs {
    { "a Task", '<Enqueue action="/out"><Task>{}</Task></Enqueue>', 13750 },
    { "a workflowSid", '<Enqueue action="/out" workflowSid="WW1"/>', 13750 },
    { "no name", '<Enqueue action="/out"></Enqueue>', 14204 },
    { "too long a name", '<Enqueue action="/out">' .. ("x"):rep(65) .. "</Enqueue>", 14205 },
  } do
    it(("with %s: QueueResult error, %d"):format(case[1], case[3]), function()
      local s <close> = open(stage.twiml(case[2]))
      local a = s:begin { uri = s:uri "a" }
      assert.equal("error", s:request("/out").params.QueueResult)
      assert.is_truthy(s:warned(case[3]))
      party.ended(a)
      s:quiet()
    end)
  end

  it("a redirect from outside: QueueResult redirected, then the new document", function()
    local s <close> = open()
    s.web["/elsewhere"] = stage.twiml "<Hangup/>"
    local a = meeting.call(s, "a")
    meeting.seen(s, "enqueued")
    local rooms = s.server.env.rooms
    local sid = rooms:find("queue", "support")
    assert.is_true(queue.dequeue(rooms, sid, a.sid, s.app.url .. "/elsewhere"))
    assert.equal("redirected", s:request("/out").params.QueueResult)
    s:request "/elsewhere"
    party.ended(a.leg)
    s:quiet()
    assert.same({}, rooms:members(sid))
    assert.is_false(queue.dequeue(rooms, sid, a.sid, s.app.url .. "/elsewhere"))
  end)
end)

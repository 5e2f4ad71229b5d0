-- Queues and those who wait in them, by the REST interface.
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

local function open()
  local s = stage.open(meeting.routes("a", "b", "c", "agent"))
  for _, user in ipairs { "a", "b", "c" } do
    s.web["/" .. user] = stage.twiml '<Enqueue action="/left">line</Enqueue>'
  end
  s.web["/agent"] = stage.twiml "<Dial><Queue>line</Queue></Dial>"
  s.web["/left"] = ""
  s.web["/next"] = stage.twiml '<Pause length="5"/>'
  return s
end

local function only(s)
  local status, list = rest.get(s, "/Queues.json")
  assert.equal(200, status)
  assert.equal(1, #list.queues)
  return list.queues[1]
end

local function path(sid, below)
  return "/Queues/" .. sid .. (below or "") .. ".json"
end

local function waiting(s, sid)
  local status, list = rest.get(s, path(sid, "/Members"))
  assert.equal(200, status)
  local found = {}
  for i, one in ipairs(list.queue_members) do
    assert.equal(i, one.position)
    found[i] = one.call_sid
  end
  return found
end

local function over(s, ...)
  for _, one in ipairs { ... } do one.leg:hangup() end
  s:quiet()
end

describe("Queues", function()
  it("R1 are made, read, listed, changed and deleted", function()
    local s <close> = open()
    local status, made = rest.post(s, "/Queues.json", { FriendlyName = "line", MaxSize = 2 })
    assert.equal(201, status)
    assert.matches("^QU%x+$", made.sid)
    assert.equal(2, made.max_size)
    assert.equal(0, made.current_size)
    assert.equal(0, made.average_wait_time)
    assert.matches("^%a+, %d%d %a+ 2026 %d%d:%d%d:%d%d %+0000$", made.date_created)
    assert.same(made, (only(s)))
    assert.same(made, (select(2, rest.get(s, path(made.sid)))))
    moonline.sleep(2)
    local _, now = rest.post(s, path(made.sid), { FriendlyName = "row", MaxSize = 5000 })
    assert.equal("row", now.friendly_name)
    assert.equal(5000, now.max_size)
    assert.equal("Thu, 01 Jan 2026 00:00:02 +0000", now.date_updated)
    assert.equal(204, (rest.request(s, "DELETE", path(made.sid))))
    assert.equal(404, (rest.get(s, path(made.sid))))
    assert.equal(404, (rest.request(s, "DELETE", path(made.sid))))
    local _, list = rest.get(s, "/Queues.json")
    assert.equal(0, #list.queues)
  end)

  it("R1 with a name that is taken, or none, or a bad size are refused", function()
    local s <close> = open()
    local _, row = rest.post(s, "/Queues.json", { FriendlyName = "row" })
    assert.equal(1000, row.max_size)
    rest.post(s, "/Queues.json", { FriendlyName = "line" })
    local status, fault = rest.post(s, "/Queues.json", { FriendlyName = "line" })
    assert.equal(400, status)
    assert.equal(22003, fault.code)
    assert.equal(400, (rest.post(s, path(row.sid), { FriendlyName = "line" })))
    assert.equal(200, (rest.post(s, path(row.sid), { FriendlyName = "row" })))
    for _, fields in ipairs {
      {}, { FriendlyName = ("x"):rep(65) }, { FriendlyName = "a", MaxSize = 0 },
      { FriendlyName = "a", MaxSize = 5001 },
    } do
      assert.equal(400, (rest.post(s, "/Queues.json", fields)))
    end
  end)

  it("R1 are deleted only when they are empty, and full as MaxSize says", function()
    local s <close> = open()
    local _, made = rest.post(s, "/Queues.json", { FriendlyName = "line", MaxSize = 1 })
    local a = meeting.call(s, "a")
    moonline.sleep(4)
    assert.equal(1, only(s).current_size)
    assert.equal(4, only(s).average_wait_time)
    local status, fault = rest.request(s, "DELETE", path(made.sid))
    assert.equal(400, status)
    assert.equal(22002, fault.code)
    local b = meeting.call(s, "b")
    assert.equal("queue-full", s:request("/left", 1).params.QueueResult)
    over(s, a, b)
    assert.equal(204, (rest.request(s, "DELETE", path(made.sid))))
  end)

  it("R1 may be renamed while callers and agents wait", function()
    local s <close> = open()
    local _, made = rest.post(s, "/Queues.json", { FriendlyName = "line" })
    local agent = meeting.call(s, "agent")
    moonline.sleep(1)
    rest.post(s, path(made.sid), { FriendlyName = "row" })
    s.web["/a"] = stage.twiml '<Enqueue>row</Enqueue>'
    local a = meeting.call(s, "a")
    meeting.seen(s, "bridged")
    assert.equal(0, only(s).current_size)
    assert.equal(404, (rest.get(s, path(made.sid, "/Members/" .. a.sid))))
    over(s, a, agent)
  end)

  it("R1 that were made here are there after a restart, those of documents are not", function()
    local s <close> = open()
    local a = meeting.call(s, "a")
    moonline.sleep(1)
    over(s, a)
    local _, made = rest.post(s, "/Queues.json", { FriendlyName = "kept", MaxSize = 7 })
    local _, gone = rest.post(s, "/Queues.json", { FriendlyName = "gone" })
    rest.request(s, "DELETE", path(gone.sid))
    local again <close> = assert(moonline.server {
      sip = { listen = { "udp:127.0.0.1:0" } }, http = { listen = "off" },
      store = { path = s.store .. "-again" },
    })
    again.env.store:put("queue", s.server.env.store:get("queue", made.sid))
    require("moonline.recovery").run(again.env)
    local room = again.env.rooms:get(made.sid)
    assert.equal("kept", room.name)
    assert.equal("7", room.limit)
    assert.equal(1, #s.server.env.store:list "queue")
    again:close()
    os.execute(("rm -rf '%s-again'"):format(s.store))
  end)
end)

describe("Members", function()
  it("R1 are listed and read in their order, and by Front", function()
    local s <close> = open()
    local a = meeting.call(s, "a")
    moonline.sleep(2)
    local b = meeting.call(s, "b")
    moonline.sleep(3)
    local queue = only(s)
    assert.equal(2, queue.current_size)
    assert.same({ a.sid, b.sid }, waiting(s, queue.sid))
    local status, front = rest.get(s, path(queue.sid, "/Members/Front"))
    assert.equal(200, status)
    assert.equal(a.sid, front.call_sid)
    assert.equal(5, front.wait_time)
    assert.equal(1, front.position)
    assert.equal(queue.sid, front.queue_sid)
    local _, second = rest.get(s, path(queue.sid, "/Members/" .. b.sid))
    assert.equal(2, second.position)
    assert.equal(404, (rest.get(s, path(queue.sid, "/Members/CA" .. ("0"):rep(32)))))
    over(s, a, b)
    assert.equal(404, (rest.get(s, path(queue.sid, "/Members/Front"))))
    assert.equal(404, (rest.get(s, path("QU" .. ("0"):rep(32), "/Members"))))
  end)

  it("R1 are dequeued to a document: the first, or by CallSid", function()
    local s <close> = open()
    local a, b = meeting.call(s, "a"), meeting.call(s, "b")
    moonline.sleep(1)
    local queue = only(s)
    local status, one = rest.post(s, path(queue.sid, "/Members/" .. b.sid),
      { Url = s.app.url .. "/next", Method = "GET" })
    assert.equal(200, status)
    assert.equal(b.sid, one.call_sid)
    local request = s:request("/next", 1)
    assert.equal("GET", request.method)
    assert.equal(b.sid, request.params.CallSid)
    local left = s:request("/left", 1).params
    assert.equal("redirected", left.QueueResult)
    rest.post(s, path(queue.sid, "/Members/Front"), { Url = s.app.url .. "/next" })
    assert.equal(a.sid, s:request("/next", 1).params.CallSid)
    assert.same({}, waiting(s, queue.sid))
    assert.equal(404, (rest.post(s, path(queue.sid, "/Members/Front"),
      { Url = s.app.url .. "/next" })))
    local c = meeting.call(s, "c")
    moonline.sleep(1)
    for _, fields in ipairs { {}, { Url = "x" }, { Url = s.app.url, Method = "PUT" } } do
      assert.equal(400, (rest.post(s, path(queue.sid, "/Members/Front"), fields)))
    end
    over(s, a, b, c)
  end)

  it("S18 R1 in a queue, and with an agent, they are redirected by their call", function()
    local s <close> = open()
    local a = meeting.call(s, "a")
    moonline.sleep(1)
    rest.post(s, "/Calls/" .. a.sid .. ".json", { Url = s.app.url .. "/next" })
    assert.equal(a.sid, s:request("/next", 1).params.CallSid)
    local b, agent = meeting.call(s, "b"), meeting.call(s, "agent")
    meeting.seen(s, "bridged")
    rest.post(s, "/Calls/" .. b.sid .. ".json", { Url = s.app.url .. "/next" })
    assert.equal(b.sid, s:request("/next", 1).params.CallSid)
    party.ended(agent.leg)
    over(s, a, b)
  end)
end)

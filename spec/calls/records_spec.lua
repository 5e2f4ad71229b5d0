-- What is written down of calls, recordings and warnings.
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local function open(fn, dial, noun)
  local s = stage.open()
  local kate = s:phone("kate", fn)
  s.web["/voice"] = stage.twiml(('<Dial action="/after" %s><Sip %s>%s</Sip></Dial>')
    :format(dial or "", noun or "", kate.address))
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local function calls(s, options)
  return assert(s.server.env.store:list("call", options))
end

local function parent_and_child(s)
  local rows = calls(s, { oldest = true })
  assert.equal(2, #rows)
  return rows[1], rows[2]
end

local function events_of(s, sid)
  local names, last = {}, 0
  for _, row in ipairs(s.server.env.store:list("event",
    { where = { { "call", "=", sid } }, oldest = true })) do
    names[#names + 1] = row.name
    assert.is_true(row.time >= last)
    last = row.time
  end
  return table.concat(names, " ")
end

describe("the record of a call", function()
  it("R1 V5 has both parties, their times and how they ended", function()
    local s <close> = open(party.takes { ring = 2, talk = 5.5 })
    local begun = require("moonline.core.task").time()
    local alice = assert(s:call())
    s:request "/after"
    party.ended(alice)
    s:quiet()
    local parent, child = parent_and_child(s)
    local invite = s:requests_to("/voice")[1].params
    assert.equal(invite.CallSid, parent.sid)
    assert.equal("inbound", parent.direction)
    assert.equal("outbound-dial", child.direction)
    assert.equal(parent.sid, child.parent)
    assert.is_nil(parent.parent)
    assert.equal(invite.From, parent.from)
    assert.equal(invite.To, parent.to)
    assert.matches("^sip:alice@127", child.from)
    assert.matches("^sip:kate@127", child.to)
    assert.equal("completed", parent.status)
    assert.equal("completed", child.status)
    assert.equal(200, child.code)
    assert.near(begun, parent.start, 0.2)
    assert.near(begun, parent.answered, 0.2) -- ringback is audio
    assert.near(begun + 2, child.answered, 0.3)
    assert.near(begun + 7.5, child.finish, 0.3)
    assert.equal(5, child.duration)
    assert.equal(7, parent.duration)
    assert.equal("ringing in-progress completed", events_of(s, parent.sid))
    assert.equal("initiated ringing in-progress completed", events_of(s, child.sid))
  end)

  it("R1 is there while the call lives", function()
    local s <close> = open(party.takes { ring = 3, talk = 3 })
    local alice = assert(s:call())
    moonline.sleep(1)
    local parent, child = parent_and_child(s)
    assert.equal("in-progress", parent.status)
    assert.equal("ringing", child.status)
    assert.is_nil(child.answered)
    assert.is_nil(parent.finish)
    moonline.sleep(3)
    assert.equal("in-progress", s.server.env.store:get("call", child.sid).status)
    party.ended(alice)
    s:quiet()
  end)

  for _, case in ipairs { { 486, "busy" }, { 404, "failed" }, { 480, "no-answer" } } do
    it(("R1 S13 %d: %s"):format(case[1], case[2]), function()
      local s <close> = open(party.refuses(case[1], { ring = 1 }))
      party.ended(assert(s:call()))
      s:quiet()
      local _, child = parent_and_child(s)
      assert.equal(case[2], child.status)
      assert.equal(case[1], child.code)
      assert.equal(0, child.duration)
      assert.is_nil(child.answered)
      assert.is_number(child.finish)
    end)
  end

  it("R1 of a caller who leaves while it rings: both are canceled", function()
    local s <close> = open(party.rings(), 'answerOnBridge="true"')
    local alice = s:begin()
    moonline.sleep(2)
    alice:hangup()
    s:quiet()
    local parent, child = parent_and_child(s)
    assert.equal("canceled", parent.status)
    assert.equal("canceled", child.status)
    assert.is_nil(parent.answered)
    assert.equal(0, parent.duration)
  end)

  it("R1 of one that is rejected", function()
    local s <close> = open(party.rings())
    s.web["/voice"] = stage.twiml '<Reject reason="busy"/>'
    local leg, why = s:call()
    assert.is_nil(leg)
    assert.equal("busy", why)
    s:quiet()
    assert.equal("busy", calls(s)[1].status)
  end)

  it("R1 lists go by conditions and by pages, newest first", function()
    local s <close> = open(party.takes { talk = 1 })
    for _ = 1, 3 do
      party.ended(assert(s:call()))
      s:quiet()
    end
    local store = s.server.env.store
    local inbound = calls(s, { where = { { "direction", "=", "inbound" } } })
    assert.equal(3, #inbound)
    assert.is_true(inbound[1].start > inbound[3].start)
    local first, token = store:list("call", { most = 4 })
    assert.equal(4, #first)
    local second, last = store:list("call", { most = 4, before = token })
    assert.equal(2, #second)
    assert.is_nil(last)
    assert.is_true(second[1].id < first[4].id)
    local children = calls(s, { where = { { "parent", "=", inbound[2].sid } } })
    assert.equal(1, #children)
    assert.same({}, calls(s, { where = { { "start", "<", inbound[3].start } } }))
    store:remove("call", inbound[2].sid)
    assert.is_nil((store:get("call", inbound[2].sid)))
    assert.same({}, store:list("event", { where = { { "call", "=", inbound[2].sid } } }))
  end)

  it("R1 misuse is told by name", function()
    local s <close> = stage.open()
    local store = s.server.env.store
    local function refused(pattern, ...)
      local ok, why = pcall(...)
      assert.is_false(ok)
      assert.matches(pattern, why)
    end
    refused("call, recording, notification", store.put, store, "calls", { sid = "CA1" })
    refused('no field "statuss"', store.put, store, "call", { sid = "CA1", statuss = "busy" })
    refused("key is missing", store.put, store, "call", { status = "busy" })
    refused('no field "x"', store.list, store, "call", { where = { { "x", "=", 1 } } })
    refused("where: =", store.list, store, "call", { where = { { "sid", "like", "x" } } })
  end)
end)

describe("the record of a recording", function()
  it("R1 says whose it is, how long and how big", function()
    local s <close> = open(party.takes { talk = 4 }, 'record="record-from-answer-dual"')
    local alice = assert(s:call())
    moonline.sleep(1)
    local store = s.server.env.store
    local one = assert(store:list "recording")[1]
    assert.equal("in-progress", one.status)
    assert.is_nil(one.duration)
    local after = s:request("/after").params
    party.ended(alice)
    s:quiet()
    one = store:get("recording", one.sid)
    assert.equal(after.RecordingSid, one.sid)
    assert.equal(after.CallSid, one.call)
    assert.equal("completed", one.status)
    assert.equal("DialVerb", one.source)
    assert.equal(2, one.channels)
    assert.near(4, one.duration, 0.05)
    local file <close> = assert(io.open(s.store .. "/recordings/" .. one.sid .. ".wav", "rb"))
    assert.equal(file:seek "end", one.size)
  end)

  it("R1 trimmed to nothing it is absent", function()
    local s <close> = open(party.takes { talk = 2 },
      'record="record-from-answer" trim="trim-silence"')
    local alice = assert(s:call())
    s:request "/after"
    party.ended(alice)
    s:quiet()
    local one = assert(s.server.env.store:list "recording")[1]
    assert.equal("absent", one.status)
    assert.equal(0, one.duration)
  end)
end)

describe("notifications", function()
  it("R1 keep the warnings and errors of a call", function()
    local s <close> = open(party.takes { talk = 1 }, 'timeout="never"')
    party.ended(assert(s:call()))
    s:quiet()
    local parent = parent_and_child(s)
    local list = assert(s.server.env.store:list("notification"))
    assert.equal(1, #list)
    assert.equal(parent.sid, list[1].call)
    assert.equal(13212, list[1].code)
    assert.equal("1", list[1].level)
    assert.matches('timeout="never"', list[1].text)
    assert.matches("^NO%x+$", list[1].sid)
  end)

  it("R1 a callback that was not delivered is one, once", function()
    local s <close> = open(party.takes { talk = 1 }, nil, 'statusCallback="/nowhere"')
    party.ended(assert(s:call()))
    s:quiet()
    moonline.sleep(20)
    local list = assert(s.server.env.store:list("notification"))
    assert.equal(1, #list)
    assert.equal(11200, list[1].code)
    assert.equal("0", list[1].level)
    assert.matches("/nowhere$", list[1].url)
    assert.equal("POST", list[1].method)
    assert.equal(1, s.server.env.store:health().pending)
  end)
end)

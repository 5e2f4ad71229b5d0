-- /v1/events: what happens in all calls, as server-sent events.
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

local twiml = stage.twiml

-- The server as `moonline serve` runs it: nobody watches it from within.
local function open()
  return stage.open({}, { observed = false })
end

-- Reads until an event of that kind, of that call if one is given: it, and all that came before.
local function until_event(events, kind, call)
  local list = {}
  for event in events.next, events do
    list[#list + 1] = event
    if event.kind == kind and (not call or event.call == call) then return event, list end
  end
  error("the stream ended before " .. kind, 2)
end

-- "kind detail" of the events of one call.
local function lines(list, call)
  local found = {}
  for _, event in ipairs(list) do
    if event.call == call then
      found[#found + 1] = event.kind .. " " .. tostring(event.status or event.name or event.what)
    end
  end
  return found
end

describe("/v1/events", function()
  it("tells a call from its beginning to its end, and those that it calls", function()
    local s <close> = open()
    local kate = s:phone("kate", party.takes { ring = 1, talk = 2 })
    s.web["/voice"] = twiml("<Dial callerId='nobody'><Sip>" .. kate.address .. "</Sip></Dial>")
    local events <close> = assert(rest.events(s))
    local leg = s:call()
    local call = until_event(events, "call").call
    local _, list = until_event(events, "call-ended", call)
    assert.same({ "status ringing", "webhook voice", "answer 200", "verb Dial",
      "status in-progress", "bridged nil", "dialled completed", "status completed",
      "call-ended completed" }, lines(list, call))
    local child = {}
    for _, event in ipairs(list) do
      if event.parent == call then
        assert.equal(kate.address, event.to)
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", event.time)
        child[#child + 1] = event.status
      end
    end
    assert.same({ "initiated", "ringing", "in-progress", "completed" }, child)
    leg:hangup()
    s:quiet()
  end)

  it("asks for credentials, and is there for GET only", function()
    local s <close> = open()
    local url = "http://" .. s.server.http_address .. "/v1/events"
    assert.equal(401, moonline.http.get(url).status)
    assert.equal(405, (rest.request(s, "POST", "/v1/events", {}, { whole = true })))
  end)

  it("goes on across a reload, and says which generation takes the calls", function()
    local s <close> = open()
    s.web["/voice"] = twiml "<Hangup/>"
    local events <close> = assert(rest.events(s))
    local first = s.server.generation:number()
    assert.is_true((s.server:reload()))
    assert.equal(first + 1, until_event(events, "generation").generation)
    s:call()
    assert.equal(first + 1, until_event(events, "call-ended").generation)
    s:quiet()
  end)

  it("sends a comment every 15 s, which keeps the connection", function()
    local s <close> = open()
    s.web["/voice"] = twiml "<Hangup/>"
    local events <close> = assert(rest.events(s))
    for _ = 1, 3 do
      local piece = events.box:wait("piece", 15.5)
      assert.equal(": \n\n", piece and piece.bytes)
    end
  end)

  it("gives who comes back what was told since, by Last-Event-ID", function()
    local s <close> = open()
    s.web["/voice"] = twiml "<Hangup/>"
    local id
    do
      local events <close> = assert(rest.events(s))
      s:call()
      until_event(events, "call")
      id = events.id
    end
    s:quiet()
    moonline.sleep(30)
    local again <close> = assert(rest.events(s, id))
    local _, list = until_event(again, "call-ended")
    assert.same({ "status ringing", "webhook voice" },
      { table.unpack(lines(list, list[1].call), 1, 2) })
    local strange <close> = assert(rest.events(s, "1-77"))
    assert.same({ kind = "lost", after = "1-77" }, (strange:next()))
  end)

  it("costs nothing when nobody has read for a minute", function()
    local s <close> = open()
    s.web["/voice"] = twiml "<Hangup/>"
    rest.events(s):close()
    moonline.sleep(80)
    assert.is_false(s.server.broadcast.is_on)
    s:call()
    s:quiet()
    assert.equal(0, s.server.broadcast.last)
  end)

  it("keeps what is told to a size", function()
    local s <close> = open()
    local events <close> = assert(rest.events(s))
    local told = s.server.broadcast
    for i = 1, 3000 do
      s.server:tell { kind = "warning", code = i, text = ("x"):rep(i % 2 == 0 and 2000 or 10) }
      if i % 50 == 0 then moonline.sleep(0.01) end
    end
    assert.is_true(told.bytes <= 1024 * 1024)
    assert.is_true(told.last - told.first < 1000)
    assert.equal(1, (until_event(events, "warning").code))
  end)

  it("has room for 20 readers, and refuses more", function()
    local s <close> = open()
    local readers = {}
    for i = 1, 20 do readers[i] = assert(rest.events(s)) end
    local none, response = rest.events(s)
    assert.is_nil(none)
    assert.equal(503, response.status)
    assert.equal("10", response.headers["retry-after"])
    for _, reader in ipairs(readers) do reader:close() end
  end)

  it("says that it drains, tells how the last call ends, and then ends in order", function()
    local s <close> = open()
    s.web["/voice"] = twiml '<Pause/><Pause length="5"/>'
    local events <close> = assert(rest.events(s))
    s:call()
    s.server.box:post { kind = "drain" }
    until_event(events, "draining")
    until_event(events, "call-ended")
    assert.is_nil(events:next())
    assert.is_nil(events.over.failure)
    assert.equal(200, events.over.status)
  end)
end)

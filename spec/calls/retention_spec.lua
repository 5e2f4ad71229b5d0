-- What is kept, and for how long: store.keep_days and store.max_mb.
local lfs = require "lfs"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local HOUR, DAY = 3600, 86400

local function open(store)
  local s = stage.open { store = store }
  local kate = s:phone("kate", party.takes { talk = 70 })
  s.web["/voice"] = stage.twiml(('<Dial record="record-from-answer"><Sip>%s</Sip></Dial>')
    :format(kate.address))
  return s
end

local function talk(s)
  assert(s:call())
  s:quiet(100)
end

local function rows(s, kind)
  return #s.server.env.store:list(kind)
end

-- Sids of the files there are.
local function files(s)
  local list = {}
  for name in lfs.dir(s.store .. "/recordings") do
    list[#list + 1] = name:match("^(RE%x+)%.wav$")
  end
  return list
end

describe("the store", function()
  it("V5 store.keep_days: what ended before goes with all that belongs to it", function()
    local s <close> = open { keep_days = 2 }
    talk(s)
    moonline.sleep(DAY)
    talk(s)
    assert.equal(4, rows(s, "call"))
    moonline.sleep(DAY + 2 * HOUR)
    assert.equal(2, rows(s, "call"))
    assert.equal(1, rows(s, "recording"))
    assert.equal(1, #files(s))
    moonline.sleep(DAY)
    for _, kind in ipairs { "call", "event", "recording" } do assert.equal(0, rows(s, kind)) end
    assert.same({}, files(s))
  end)

  it("V5 store.max_mb: the oldest recordings go, the calls stay", function()
    local s <close> = open { max_mb = 3 } -- 70 seconds are 1.1 MB
    for _ = 1, 4 do talk(s) end
    local newest = s.server.env.store:list("recording", { most = 2 })
    moonline.sleep(2 * HOUR)
    local left = s.server.env.store:list "recording"
    assert.equal(2, #left)
    assert.equal(newest[1].sid, left[1].sid)
    assert.equal(newest[2].sid, left[2].sid)
    local kept = files(s)
    table.sort(kept)
    local wanted = { left[1].sid, left[2].sid }
    table.sort(wanted)
    assert.same(wanted, kept)
    assert.equal(8, rows(s, "call"))
  end)

  it("V5 without them all is kept", function()
    local s <close> = open {}
    talk(s)
    moonline.sleep(400 * DAY)
    assert.equal(2, rows(s, "call"))
    assert.equal(1, #files(s))
  end)
end)

-- Call scripts that call others.
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"

local keys, notes, take = scripted.keys, scripted.notes, scripted.take

describe("a call script that dials", function()
  it("L1 dials, and says why not: word and status", function()
    local s <close> = take([[
      note(call:dial(KATE, { timeout = 20 }))
      note(call:dial(BOB, { timeout = 3 }))
      note(call:dial "sip:x@nowhere.invalid")
    ]], party.refuses(486), party.rings())
    local alice = assert(s:call())
    assert.equal("nil busy 486; nil no-answer 408; nil failed nil", notes(s, 3))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 dials with headers and another From; the caller hears ringing meanwhile", function()
    local got
    local s <close> = take([[
      local kate <close> = call:dial(KATE, { from = "desk", headers = { ["X-Case"] = 7 } })
      note(kate.direction, kate.state, kate.to == KATE)
    ]], function(call)
      got = { from = call.from, headers = call.headers }
      party.takes { ring = 5 }(call)
    end)
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 4) > 150)
    assert.equal("outbound-api in-progress true", notes(s, 1))
    assert.equal("7", got.headers["x-case"])
    assert.matches("^sip:desk@", got.from)
    party.ended(alice)
    s:quiet()
  end)

  it("L1 bridges until one side hangs up, and knows which", function()
    for who, expected in pairs { kate = "peer 3", alice = "hangup 3" } do
      local s <close> = take([[
        local kate <close> = call:dial(KATE)
        local seconds, why = call:bridge(kate)
        note(why, math.floor(seconds + 0.5))
      ]], party.takes(who == "kate" and { talk = 3 } or {}))
      local alice = assert(s:call())
      if who == "alice" then
        moonline.sleep(3)
        alice:hangup()
      end
      assert.equal(expected, notes(s, 1))
      if not alice.ended then party.ended(alice) end
      s:quiet()
    end
  end)

  it("L1 what is opened with <close> is hung up when its block is left", function()
    local kate_left
    local s <close> = take([[
      do
        local kate <close> = assert(call:dial(KATE))
        call:wait({}, 2)
      end
      note "left"
      call:wait({}, 3)
    ]], function(call)
      party.answer(call)
      kate_left = call.box:wait({ "ended" }, 60).time
      call:over { kind = "ended", cause = "peer" }
    end)
    local alice = assert(s:call())
    local begun = moonline.clock()
    assert.equal("left", notes(s, 1))
    assert.near(2, kate_left - begun, 0.3)
    assert.near(5, party.ended(alice).time - begun, 0.4)
    s:quiet()
  end)

  it("L1 a hangup closes what is open, and runs the close handlers", function()
    local kate_left
    local s <close> = take([[
      local kate <close> = assert(call:dial(KATE))
      local _ <close> = setmetatable({}, { __close = function() note "closing" end })
      call:play { silence = 60 }
      note "unreachable"
    ]], function(call)
      party.answer(call)
      kate_left = call.box:wait({ "ended" }, 60).time
      call:over { kind = "ended", cause = "peer" }
    end)
    local alice = assert(s:call())
    moonline.sleep(2)
    local left = moonline.clock()
    alice:hangup()
    assert.equal("closing", notes(s, 1))
    moonline.sleep(1)
    assert.is_true(kate_left - left < 0.5)
    assert.equal("closing", notes(s, 1))
    s:quiet()
  end)

  it("L1 rings several, the first that answers gets the call", function()
    local kate
    local s <close> = take([[
      local leg <close> = call:dial({ KATE, BOB }, { timeout = 20 })
      note(leg.to == BOB)
      call:bridge(leg)
    ]], function(call)
      assert(call.core:ring())
      kate = call.box:wait({ "canceled" }, 60)
      call:over(kate)
    end, party.takes { ring = 2, talk = 2 })
    local alice = assert(s:call())
    assert.equal("true", notes(s, 1))
    party.ended(alice)
    s:quiet()
    assert.is_table(kate)
  end)

  it("L1 rings several with a screen: the first that takes it gets the call", function()
    local s <close> = take([[
      local function press_one(leg)
        return leg:gather { digits = 1, timeout = 4 } == "1"
      end
      local leg <close>, why = call:dial({ KATE, BOB }, { timeout = 30, screen = press_one })
      note(leg and leg.to == BOB, why)
      call:bridge(leg)
    ]], function(call)
      party.answer(call)
      call:wait({}, 1)
      keys(call, "2")
      party.stay(call)
    end, function(call)
      party.takes { ring = 1 }(call)
    end)
    s.phones[2]:on("call", function(call)
      assert(call.core:ring())
      call:wait({}, 3)
      party.answer(call)
      call:wait({}, 1)
      keys(call, "1")
      call:wait({}, 3)
    end)
    local alice = assert(s:call())
    assert.equal("true nil", notes(s, 1))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 a screen that nobody passes: declined", function()
    local s <close> = take([[
      note(call:dial({ KATE, BOB }, { screen = function(leg)
        return leg:gather { digits = 1, timeout = 2 } == "1"
      end }))
    ]], party.takes(), party.takes())
    local alice = assert(s:call())
    assert.equal("nil declined nil", notes(s, 1))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 the caller hanging up while it rings ends the dialled legs", function()
    local ended
    local s <close> = take([[
      local kate <close> = call:dial(KATE)
      note "unreachable"
    ]], function(call)
      assert(call.core:ring())
      ended = call.box:wait({ "canceled" }, 60)
      call:over(ended)
    end)
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    s:quiet()
    moonline.sleep(1)
    assert.is_table(ended)
    assert.equal("", notes(s, 0))
  end)
end)

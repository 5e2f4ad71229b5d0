-- What the caller gets while the callee rings: our ringback, its early media, or 180.
local caller = require "support.caller"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local ON_BRIDGE = 'answerOnBridge="true"'

local function open(behaviour, dial, sip)
  local s = stage.open()
  local kate = s:phone("kate", behaviour)
  s.web["/voice"] = stage.twiml(('<Dial action="/after" %s><Sip %s>%s</Sip></Dial>')
    :format(dial or "", sip or "", kate.address))
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

-- Rings early, with a tone as its early media, for so long; then goes on as told.
local function early(seconds, then_what)
  return function(call)
    assert(call.core:ring(true))
    call.core:play { tone = "440", ms = 0 }
    call:wait({}, seconds)
    call.core:stop()
    if then_what then return then_what(call) end
    party.takes {}(call)
  end
end

describe("while the callee rings", function()
  it("S14b 180 without SDP: an answered caller hears our ringback", function()
    local s <close> = open(party.takes { ring = 6, talk = 2 })
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 4) > 150)
    party.ended(alice)
    local odd <close> = caller.open(s)
    assert.equal(200, odd:wait())
    assert.equal("100, 180, 200 with SDP", odd:heard())
    s:quiet()
  end)

  it("S14b no 18x at all: nobody makes ringback up", function()
    local s <close> = open(function(call)
      call:wait({}, 6)
      party.answer(call)
      party.stay(call)
    end)
    local alice = assert(s:call())
    assert.equal(0, party.audio(alice, 4))
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14b 180 without SDP and answerOnBridge: 180, and 200 with the callee's", function()
    local s <close> = open(party.takes { ring = 5, talk = 2 }, ON_BRIDGE)
    local begun = moonline.clock()
    local odd <close> = caller.open(s)
    assert.equal(200, odd:wait())
    assert.near(5, moonline.clock() - begun, 0.3)
    assert.matches("^100, 180,[ 180,]* 200 with SDP$", odd:heard())
    s:quiet()
  end)

  it("S14b 183 with SDP: an answered caller hears it in place of our ringback", function()
    local s <close> = open(early(6))
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 4) > 150)
    moonline.sleep(3)
    assert.equal(0, party.audio(alice, 2)) -- answered, and kate is silent
    alice:hangup()
    assert.equal("true", s:request("/after").params.DialBridged)
    s:quiet()
  end)

  it("S14b 180 and then 183 with SDP: the ringback makes place", function()
    local s <close> = open(function(call)
      assert(call.core:ring(false))
      call:wait({}, 3)
      assert(call.core:ring(true)) -- and says nothing
      call:wait({}, 4)
      party.answer(call)
      party.stay(call)
    end)
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 2.5) > 100)
    moonline.sleep(1)
    assert.equal(0, party.audio(alice, 2.5))
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14b 183 with SDP and answerOnBridge: relayed as 183 with SDP, and audible", function()
    local s <close> = open(early(6), ON_BRIDGE)
    local alice = s:begin()
    local ringing
    repeat ringing = party.hears(alice, "ringing") until not ringing or ringing.early
    assert.is_true(ringing.early)
    assert.equal(183, ringing.code)
    assert.is_true(party.audio(alice, 4) > 150)
    assert.is_table(party.hears(alice, "answered"))
    alice:hangup()
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    s:quiet()
  end)

  it("S14b 183 with SDP and answerOnBridge, on the wire", function()
    local s <close> = open(early(2, party.takes { talk = 1 }), ON_BRIDGE)
    local odd <close> = caller.open(s)
    assert.equal(200, odd:wait())
    assert.equal("100, 180, 183 with SDP, 200 with SDP", odd:heard())
    s:quiet()
  end)

  it("S14b a callee that says why it will not, in early media, and then refuses", function()
    local s <close> = open(early(5, party.refuses(404)), ON_BRIDGE)
    local alice = s:begin()
    local begun = moonline.clock()
    party.hears(alice, "ringing")
    assert.is_true(party.audio(alice, 4) > 150)
    local event = party.ended(alice)
    assert.equal(404, event.code)
    assert.near(5, event.time - begun, 0.3)
    assert.equal("false", s:request("/after").params.DialBridged)
    s:quiet()
  end)

  it("S14b the caller leaves during early media", function()
    local s <close> = open(early(60), ON_BRIDGE)
    local alice = s:begin()
    party.hears(alice, "ringing")
    moonline.sleep(3)
    alice:hangup()
    local after = s:request("/after").params
    assert.equal("canceled", after.DialCallStatus)
    assert.equal("487", after.DialSipResponseCode)
    s:quiet()
  end)

  it("S14b S14 with a screening url early media is not relayed: ringback", function()
    local s <close> = open(function(call)
      assert(call.core:ring(true)) -- silent early media: what alice hears is ours
      call:wait({}, 5)
      party.answer(call)
      party.stay(call)
    end, "", 'url="/screen"')
    s.web["/screen"] = stage.twiml '<Pause length="4"/>'
    local alice = assert(s:call())
    assert.is_true(party.audio(alice, 4) > 150)
    moonline.sleep(6)
    assert.equal(0, party.audio(alice, 1))
    alice:hangup()
    s:request "/after"
    s:quiet()
  end)

  it("S14b S14 with a screening url and answerOnBridge: 180 only", function()
    local s <close> = open(early(4), ON_BRIDGE, 'url="/screen"')
    s.web["/screen"] = stage.twiml ""
    local odd <close> = caller.open(s)
    assert.equal(200, odd:wait())
    assert.matches("^100, 180,[ 180,]* 200 with SDP$", odd:heard())
    odd:send("BYE", 50)
    s:request "/after"
    s:quiet()
  end)
end)

describe("a caller that requires 100rel", function()
  for _, case in ipairs {
    { "180", party.takes { ring = 4 }, "^100, 180,[ 180,]* 200 with SDP$" },
    { "183 with SDP", early(4), "^100, 180, 183 with SDP, 200" },
  } do
    it("S14b gets the ringing reliably, and the 200: " .. case[1], function()
      local s <close> = open(case[2], ON_BRIDGE)
      local odd <close> = caller.open(s, { reliable = true })
      assert.equal(200, odd:wait())
      assert.matches(case[3], odd:heard())
      for _, other in ipairs(odd.others) do assert.equal("200 PRACK", other) end
      assert.equal(#odd.responses - 2, #odd.others)
      moonline.sleep(2)
      odd:send("BYE", 50)
      local after = s:request("/after").params
      assert.equal("completed", after.DialCallStatus)
      assert.equal("true", after.DialBridged)
      s:quiet()
    end)
  end
end)

-- Keys: by telephone-event, by tones in the audio, by INFO; heard by us and passed on to the other side.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

local ROWS <const> = { ["1"] = { 697, 1209 }, ["5"] = { 770, 1336 }, ["9"] = { 852, 1477 },
  ["#"] = { 941, 1477 }, D = { 941, 1633 }, ["*"] = { 941, 1209 } }
local WAYS <const> = { "telephone-event", "tones", "INFO" }

-- Presses keys on a phone's leg in one of three ways. A phone that agreed on no telephone-event plays
-- tones for digits.
local function press(leg, keys, way)
  if way ~= "INFO" then
    leg.core:play { digits = keys }
    return
  end
  for key in keys:gmatch(".") do
    assert(leg.core:info_digit(key, 0.1))
    moonline.sleep(0.2)
  end
end

local function phone_of(way, more)
  local options = more or {}
  options.no_telephone_event = way ~= "telephone-event"
  return options
end

-- Takes the keys a leg has been told of until now.
local function keys_of(leg)
  local keys, longest = "", 0
  while true do
    local event = leg.box:wait({ "digit" }, 0)
    if not event then return keys, longest end
    keys = keys .. event.digit
    longest = math.max(longest, event.duration)
  end
end

-- Connects alice and kate, lets them act, and gives what kate and alice were told and heard.
local function talk(options)
  local s <close> = stage.open()
  local kate_leg, kate_ear
  local kate = s:phone("kate", function(call)
    call:answer()
    kate_leg, kate_ear = call, audio.listen(s.phones[1], call)
    call:wait {}
  end, options.kate)
  s.web["/voice"] = stage.twiml(('<Dial %s><Sip>%s</Sip></Dial>'):format(options.dial or "",
    kate.address))
  local alice = assert(s:call { phone = options.alice })
  local alice_ear <close> = audio.listen(s.alice, alice)
  moonline.sleep(0.2)
  options.act(alice, kate_leg)
  moonline.sleep(options.seconds or 3)
  local result = { at_kate = kate_ear:stop()[1], at_alice = alice_ear:stop()[1],
    kate_keys = keys_of(kate_leg), alice_keys = keys_of(alice), alice_over = alice.core:state() }
  result.digits = ""
  for _, event in ipairs(s:seen "digit") do result.digits = result.digits .. event.digit end
  alice:hangup()
  s:quiet()
  result.seconds = #result.at_alice / 8000
  return result
end

local function both_press(alice, kate)
  press(alice, "159#D", "telephone-event")
  press(kate, "951", "telephone-event")
end

describe("keys over a bridge", function()
  it("S1 go as telephone-event both ways, and are heard by us", function()
    local got = talk { act = both_press }
    assert.equal("159#D", got.kate_keys)
    assert.equal("951", got.alice_keys)
    assert.equal("159#D", got.digits)
    assert.same({}, audio.sounds(got.at_kate))
  end)

  it("S1 go from one payload type to the other", function()
    for _, types in ipairs { { 96, 101 }, { 127, 101 } } do
      local got = talk { alice = { telephone_event = types[1] }, act = both_press }
      assert.equal("159#D", got.kate_keys)
      assert.equal("951", got.alice_keys)
    end
  end)

  it("S1 become tones for a side without telephone-event", function()
    local got = talk {
      kate = phone_of "tones",
      act = function(alice) press(alice, "159#D", "telephone-event") end,
    }
    assert.equal("159#D", got.kate_keys) -- she hears them by ear
    local sounds = audio.sounds(got.at_kate)
    assert.equal(5, #sounds)
    for i, key in ipairs { "1", "5", "9", "#", "D" } do
      local span = sounds[i]
      assert.near(0.1, span.to - span.from, 0.045)
      for _, hz in ipairs(ROWS[key]) do
        assert.is_true(audio.amplitude(got.at_kate, hz, span.from, span.to) > 2000, key)
      end
    end
  end)

  it("S1 that are tones become telephone-event for the other side, and no tone", function()
    local got = talk {
      alice = phone_of "tones",
      act = function(alice) press(alice, "159#D", "tones") end,
    }
    assert.equal("159#D", got.kate_keys)
    assert.equal("159#D", got.digits)
    assert.is_true(audio.total(audio.sounds(got.at_kate)) < 0.3) -- until each is known as a key
  end)

  it("S1 that are tones stay tones between two sides without telephone-event", function()
    local got = talk {
      alice = phone_of "tones", kate = phone_of "tones",
      act = function(alice) press(alice, "159#D", "tones") end,
    }
    assert.equal("159#D", got.kate_keys)
    assert.equal(5, #audio.sounds(got.at_kate))
  end)

  it("S1 by INFO become telephone-event, or tones", function()
    local got = talk { act = function(alice) press(alice, "159#D", "INFO") end }
    assert.equal("159#D", got.kate_keys)
    assert.equal("159#D", got.digits)
    got = talk {
      kate = phone_of "tones", act = function(alice) press(alice, "159#D", "INFO") end,
    }
    assert.equal("159#D", got.kate_keys)
    assert.equal(5, #audio.sounds(got.at_kate))
  end)

  it("S1 are heard in the audio only of a side without telephone-event", function()
    local path = os.tmpname()
    local samples = {}
    for i = 1, 4000 do
      local at = 2 * math.pi * i / 8000
      samples[i] = math.floor(5000 * (math.sin(941 * at) + math.sin(1209 * at)) + 0.5)
    end
    audio.write(path, samples)
    for way, digits in pairs { ["telephone-event"] = "", tones = "*" } do
      local got = talk {
        alice = phone_of(way), act = function(alice) alice.core:play { file = path } end,
      }
      assert.equal(digits, got.digits)
      assert.equal(digits, got.kate_keys)
    end
    os.remove(path)
  end)
end)

describe("the key that takes a screened call", function()
  it("S14 is not heard by the caller, nor does its end come over the bridge", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      moonline.sleep(0.5)
      press(call, "1", "telephone-event")
      while true do call:wait { "digit" } end
    end)
    s.web["/voice"] = stage.twiml('<Dial><Sip url="/screen">' .. kate.address .. "</Sip></Dial>")
    s.web["/screen"] = stage.twiml('<Gather numDigits="1" action="/yes"/><Hangup/>')
    s.web["/yes"] = stage.twiml("")
    local alice = assert(s:call())
    s:request "/yes"
    moonline.sleep(2)
    assert.equal(1, #s:seen "bridged")
    assert.equal("", (keys_of(alice)))
    alice:hangup()
    s:quiet()
  end)
end)

describe("hangupOnStar", function()
  for _, way in ipairs(WAYS) do
    it("S8 hears the caller's star by " .. way, function()
      local s <close> = stage.open()
      local kate = s:phone("kate", function(call)
        call:answer()
        call:wait {}
      end)
      s.web["/voice"] = stage.twiml(
        ('<Dial hangupOnStar="true" action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
      s.web["/after"] = stage.twiml '<Pause length="2"/>'
      local alice = assert(s:call { phone = phone_of(way) })
      moonline.sleep(2.5)
      press(alice, "1*", way)
      local after = s:request "/after"
      assert.equal("completed", after.params.DialCallStatus)
      assert.equal("2", after.params.DialCallDuration)
      assert.equal("true", after.params.DialBridged)
      assert.equal("in-progress", after.params.CallStatus)
      s:quiet()
    end)
  end

  it("S8 is not meant by the callee's star, nor without the attribute", function()
    local got = talk {
      dial = 'hangupOnStar="true"',
      act = function(_, kate) press(kate, "*", "telephone-event") end,
    }
    assert.equal("up", got.alice_over)
    assert.equal("*", got.alice_keys)
    got = talk { act = function(alice) press(alice, "*", "telephone-event") end }
    assert.equal("up", got.alice_over)
    assert.equal("*", got.kate_keys)
  end)

  it("S8 means nothing while it rings", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:ring()
      moonline.sleep(3)
      call:answer()
      call:wait {}
    end)
    s.web["/voice"] = stage.twiml(
      ('<Dial hangupOnStar="true" action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
    local alice = assert(s:call())
    moonline.sleep(1)
    press(alice, "*", "telephone-event")
    moonline.sleep(5)
    alice:hangup()
    assert.equal("true", s:request("/after").params.DialBridged)
    s:quiet()
  end)
end)

describe("keys for a document", function()
  for _, way in ipairs(WAYS) do
    it("V2 <Gather> takes them by " .. way, function()
      local s <close> = stage.open()
      s.web["/voice"] = stage.twiml '<Gather numDigits="4" action="/got"/>'
      s.web["/got"] = stage.twiml "<Hangup/>"
      local alice = assert(s:call { phone = phone_of(way) })
      moonline.sleep(0.5)
      press(alice, "159D", way)
      assert.equal("159D", s:request("/got").params.Digits)
      s:quiet()
    end)
  end

  it("V2 <Play digits> presses them: telephone-event, or tones", function()
    for _, way in ipairs { "telephone-event", "tones" } do
      local s <close> = stage.open()
      s.web["/voice"] = stage.twiml '<Play digits="1w5W9#"/><Pause length="1"/>'
      local alice = assert(s:call { phone = phone_of(way) })
      local ear <close> = audio.listen(s.alice, alice)
      s:quiet()
      local heard = ear:stop()[1]
      assert.equal("159#", (keys_of(alice)))
      assert.equal(way == "tones" and 4 or 0, #audio.sounds(heard))
      if way == "tones" then
        local spans = audio.sounds(heard)
        assert.near(0.7, spans[2].from - spans[1].from, 0.045)
        assert.near(1.2, spans[3].from - spans[2].from, 0.045)
        assert.near(0.2, spans[4].from - spans[3].from, 0.045)
      end
    end
  end)
end)

-- <Echo>: what the caller says comes back, until it hangs up.
local audio = require "support.audio"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local function best_likeness(sent, heard)
  local best, at = -100, audio.sounds(heard)[1].from
  for shift = -320, 320 do
    best = math.max(best, audio.likeness(sent, heard, at + shift / 8000))
  end
  return best
end

describe("an echo", function()
  for _, codec in ipairs { "PCMU", "PCMA" } do
    it("V2 <Echo> gives the caller back what it said, in " .. codec, function()
      local s <close> = stage.open()
      s.web["/voice"] = stage.twiml "<Echo/>"
      local alice = assert(s:call { phone = { codecs = { codec } } })
      local ear <close> = audio.listen(s.alice, alice)
      local path, sent = os.tmpname(), audio.sines { { 500, 0.3 }, { 1300, 0.2 }, { 700, 0.3 } }
      audio.write(path, sent)
      alice:play { file = path }
      moonline.sleep(0.1)
      local stats = alice.core:stats()
      alice:hangup()
      os.remove(path)
      assert.is_true(best_likeness(sent, ear:stop()[1]) > 30)
      assert.equal(stats.sent, stats.received)
      assert.equal(0, stats.lost)
      s:quiet()
    end)
  end

  it("V2 keys come back, too", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml "<Echo/>"
    local alice = assert(s:call())
    alice:send_digits "5"
    local event = assert(party.hears(alice, "digit"))
    assert.equal("5", event.digit)
    alice:hangup()
    s:quiet()
  end)

  it("V2 may stand alone, and nothing follows it", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml "<Echo/><Redirect>/never</Redirect>"
    local alice = assert(s:call())
    moonline.sleep(3600)
    assert.is_nil(alice.ended)
    alice:hangup()
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)

  it("L1 call:echo goes on with the script after some seconds", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:echo(1)
      call:play { tone = "900", seconds = 0.5 }
    end)
    local alice_agent <close> = assert(moonline.agent())
    local leg <close> = assert(alice_agent:call(kate.address))
    local ear <close> = audio.listen(alice_agent, leg)
    leg.core:play { tone = "500", ms = 2000 }
    party.ended(leg)
    local heard = ear:stop()[1]
    assert.near(1, audio.total(audio.tones(heard, 500)), 0.1)
    assert.near(0.5, audio.total(audio.tones(heard, 900)), 0.05)
  end)
end)

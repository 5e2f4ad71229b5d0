-- What two bridged parties hear of each other, by its samples.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

local function stay(call)
  while true do call:wait { "digit" } end
end

-- A stage with alice and kate, who talk in tones as soon as they are connected: what each heard.
local function talk(options)
  local s <close> = stage.open(options.server)
  local kate_leg, kate_ear
  local kate = s:phone("kate", function(call)
    call:answer()
    kate_leg, kate_ear = call, audio.listen(s.phones[1], call)
    stay(call)
  end, options.kate)
  s.web["/voice"] = stage.twiml(('<Dial answerOnBridge="true"><Sip>%s</Sip></Dial>')
    :format(kate.address))
  local alice = assert(s:call { phone = options.alice })
  local alice_ear <close> = audio.listen(s.alice, alice)
  moonline.sleep(0.1)
  options.act(alice, kate_leg)
  local at_kate, at_alice = kate_ear:stop(), alice_ear:stop()
  alice:hangup()
  s:quiet()
  return at_alice, at_kate
end

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor(seconds * 1000) }
end

local FULL <const> = 5108 -- amplitude of one tone at -13 dBm0
local SAME_LAW <const>, OTHER_LAW <const> = 0.01, 0.035 -- the tables of G.711 differ by up to 0.3 dB

local function check_tone(heard, hz, other, tolerance)
  local from, seconds = 0.1, 1
  local spans = audio.tones(heard, hz)
  assert.equal(1, #spans)
  assert.near(from, spans[1].from, 0.06)
  assert.near(seconds, spans[1].to - spans[1].from, 0.045)
  assert.near(FULL, audio.amplitude(heard, hz, from + 0.1, from + seconds - 0.1), FULL * tolerance)
  assert.is_true(audio.amplitude(heard, other, from + 0.1, from + seconds - 0.1) < 50)
  assert.near(spans[1].to - spans[1].from, audio.total(audio.sounds(heard)), 0.045)
end

local function both_at_once(alice, kate)
  tone(alice, 1000, 1)
  tone(kate, 600, 1)
  moonline.sleep(2)
end

describe("bridged audio", function()
  it("S1 is heard at the other end, both ways at once, as loud, and is silent else", function()
    local at_alice, at_kate = talk { act = both_at_once }
    check_tone(at_kate[1], 1000, 600, SAME_LAW)
    check_tone(at_alice[1], 600, 1000, SAME_LAW)
  end)

  for _, laws in ipairs { { "PCMU", "PCMA" }, { "PCMA", "PCMU" } } do
    it(("S1 is turned from %s into %s and back"):format(laws[1], laws[2]), function()
      local at_alice, at_kate = talk {
        alice = { codecs = { laws[1] } }, kate = { codecs = { laws[2] } }, act = both_at_once,
      }
      check_tone(at_kate[1], 1000, 600, OTHER_LAW)
      check_tone(at_alice[1], 600, 1000, OTHER_LAW)
    end)
  end

  it("S1 passes sample by sample where both speak one law", function()
    local path = os.tmpname()
    local sent = audio.sines({ { 500, 0.3 }, { 0, 0.2 }, { 1400, 0.3 }, { 900, 0.2 } })
    audio.write(path, sent)
    local at_alice, at_kate = talk {
      act = function(_, kate)
        kate.core:play { file = path }
        moonline.sleep(1.5)
      end,
    }
    os.remove(path)
    local from = audio.sounds(at_alice[1])[1].from
    local best = -100
    for samples = -160, 160 do
      best = math.max(best, audio.likeness(sent, at_alice[1], from + samples / 8000))
    end
    assert.is_true(best > 30, "likeness is " .. best)
    assert.same({}, audio.sounds(at_kate[1]))
  end)
end)

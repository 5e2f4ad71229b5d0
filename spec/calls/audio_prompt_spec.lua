-- Prompts: what Play and Say give the caller to hear, by its samples.
local audio = require "support.audio"
local lfs = require "lfs"
local moonline = require "moonline"
local stage = require "support.stage"

local function page(body, kind)
  return function() return 200, body, { ["Content-Type"] = kind } end
end

-- Runs verbs for alice and gives what she heard, and what `more` returns.
local function hear(verbs, pages, options)
  options = options or {}
  local s <close> = stage.open(options.server)
  for path, what in pairs(pages or {}) do s.web[path] = what end
  s.web["/voice"] = stage.twiml(verbs .. '<Pause length="1"/>')
  local alice = assert(s:call { phone = options.phone })
  local ear <close> = audio.listen(s.alice, alice)
  if options.act then options.act(s, alice) end
  s:quiet()
  local heard = ear:stop()
  local stats = alice.core:stats()
  return heard[1], s.events, options.more and options.more(s, alice), stats
end

local function warning(events, code)
  for _, event in ipairs(events) do
    if event.kind == "warning" and event.code == code then return event.text end
  end
  return nil
end

local function best_likeness(sent, heard, around)
  local best = -100
  for samples = -200, 200 do
    best = math.max(best, audio.likeness(sent, heard, around + samples / 8000))
  end
  return best
end

local PROMPT <const> = audio.sines { { 500, 0.4 }, { 0, 0.3 }, { 1400, 0.4 }, { 900, 0.3 } }

describe("a prompt", function()
  it("V2 <Play> of a WAV file reaches the caller whole", function()
    local heard = hear("<Play>/a.wav</Play>", { ["/a.wav"] = page(audio.wav(PROMPT), "audio/wav") })
    local from = audio.sounds(heard)[1].from
    assert.is_true(best_likeness(PROMPT, heard, from) > 30)
    assert.near(1.1, audio.total(audio.sounds(heard)), 0.065)
  end)

  it("V2 <Play loop> plays it again without a seam", function()
    local heard = hear('<Play loop="3">/a.wav</Play>',
      { ["/a.wav"] = page(audio.wav(audio.sines { { 500, 0.2 }, { 900, 0.2 } }), "audio/wav") })
    local spans = audio.tones(heard, 900)
    assert.equal(3, #spans)
    assert.near(0.4, spans[2].from - spans[1].from, 0.021)
    assert.near(0.4, spans[3].from - spans[2].from, 0.021)
    assert.equal(1, #audio.sounds(heard))
  end)

  it("V2 <Play> of an MP3 file is heard", function()
    local folder = debug.getinfo(1, "S").source:match("^@(.*)/calls/[^/]*$")
    local file <close> = assert(io.open(folder .. "/support/tone.mp3", "rb"))
    local heard = hear("<Play>/a.mp3</Play>", { ["/a.mp3"] = page(file:read("a"), "audio/mpeg") })
    local spans = audio.tones(heard, 1000)
    assert.equal(1, #spans)
    assert.near(1, spans[1].to - spans[1].from, 0.1)
    local middle = (spans[1].from + spans[1].to) / 2
    assert.near(8192, audio.amplitude(heard, 1000, middle - 0.2, middle + 0.2), 300)
  end)

  it("V2 <Say> is heard to its last word", function()
    local function file_of(s)
      for name in lfs.dir(s.store .. "/speech") do
        if name:match("%.wav$") then return audio.read(s.store .. "/speech/" .. name) end
      end
    end
    local heard, _, spoken = hear("<Say>Good morning. Please hold the line.</Say>", nil,
      { more = file_of })
    local first, last
    for i, sample in ipairs(spoken[1]) do
      if math.abs(sample) > 500 then first, last = first or i, i end
    end
    local sounds = audio.sounds(heard)
    assert.is_true(last - first > spoken.rate)
    assert.near((last - first) / spoken.rate, sounds[#sounds].to - sounds[1].from, 0.15)
  end)

  it("V2 one after the other is one stream of packets that follows time", function()
    local heard, _, _, stats = hear(
      '<Play>/a.wav</Play><Pause length="2"/><Play>/a.wav</Play><Play>/a.wav</Play>',
      { ["/a.wav"] = page(audio.wav(audio.sines { { 500, 0.5 } }), "audio/wav") })
    local sounds = audio.sounds(heard)
    assert.equal(0, stats.lost)
    assert.equal(1, stats.sources)
    assert.is_true(stats.jitter < 0.001)
    assert.near(2.5, sounds[2].from - sounds[1].from, 0.05)
  end)

  it("V2 a file that is missing is a warning, and the call goes on", function()
    local heard, events = hear("<Play>/none.wav</Play><Play>/a.wav</Play>",
      { ["/a.wav"] = page(audio.wav(audio.sines { { 500, 0.2 } }), "audio/wav") })
    assert.matches("none.wav answered 404", warning(events, 11200), 1, true)
    assert.equal(1, #audio.tones(heard, 500))
  end)

  it("V2 what is no audio is warning 13420, and the call goes on", function()
    local pages = {
      ["/a.wav"] = page(audio.wav(audio.sines { { 500, 0.2 } }), "audio/wav"),
      ["/broken.wav"] = page("RIFF and nothing else", "audio/wav"),
      ["/page"] = page("<html/>", "text/html"),
      ["/empty.wav"] = page("", "audio/wav"),
      ["/cut.mp3"] = page("\xff\xfb\x90", "audio/mpeg"),
    }
    for _, bad in ipairs { "/broken.wav", "/page", "/empty.wav", "/cut.mp3" } do
      local heard, events = hear(("<Play>%s</Play><Play>/a.wav</Play>"):format(bad), pages)
      assert.matches(bad, warning(events, 13420) or "no warning", 1, true)
      assert.equal(1, #audio.tones(heard, 500))
    end
  end)

  it("V2 <Gather> stops the prompt at the key", function()
    local heard = hear('<Gather numDigits="1" action="/end"><Play>/long.wav</Play></Gather>', {
      ["/long.wav"] = page(audio.wav(audio.sines { { 500, 5 } }), "audio/wav"),
      ["/end"] = stage.twiml '<Pause length="2"/>',
    }, {
      act = function(_, alice)
        moonline.sleep(1)
        alice.core:play { digits = "5" }
      end,
    })
    local spans = audio.tones(heard, 500)
    assert.equal(1, #spans)
    assert.near(1.1, spans[1].to, 0.15) -- a key is told when it is let go
  end)
end)

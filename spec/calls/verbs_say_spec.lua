-- Say and Play in live calls: loops, voices and languages, markup, and recordings that are fetched once.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

-- Runs verbs and gives the seconds from the answer to the end.
local function lasts(s, verbs)
  s.web["/voice"] = stage.twiml(verbs)
  local alice = assert(s:call())
  local begun = moonline.clock()
  s:quiet(2000)
  alice:hangup()
  return moonline.clock() - begun
end

describe("V2 Say", function()
  it("<Say loop> reads the text as often as it says, and markup with its breaks", function()
    local s <close> = stage.open()
    local once = lasts(s, "<Say>Hello there.</Say>")
    local thrice = lasts(s, '<Say loop="3">Hello there.</Say>')
    assert.near(3 * once, thrice, 0.3)
    local broken = lasts(s, '<Say>Hello <break time="2s"/> <emphasis>there.</emphasis></Say>')
    assert.is_true(broken > once + 1.2)
    assert.same({}, codes(s))
  end)

  it("<Say voice> speaks with a voice it knows, else with the usual one: 13511", function()
    local s <close> = stage.open { speech = { voices = { ["Polly.Joanna"] = "en-us+f4" } } }
    for _, voice in ipairs { "man", "woman", "alice", "Polly.Joanna" } do
      assert.is_true(lasts(s, ('<Say voice="%s">Hi</Say>'):format(voice)) > 0.1)
    end
    assert.same({}, codes(s))
    assert.is_true(lasts(s, '<Say voice="Google.Unheard">Hi</Say>') > 0.1)
    assert.same({ 13511 }, codes(s))
  end)

  it("<Say language>: one that cannot be read is English: 13512", function()
    local s <close> = stage.open()
    assert.is_true(lasts(s, '<Say language="de-DE">Hallo</Say>') > 0.1)
    assert.same({}, codes(s))
    assert.is_true(lasts(s, '<Say language="xx-YY">Hallo</Say>') > 0.1)
    assert.same({ 13512 }, codes(s))
    lasts(s, '<Say language="not a language" loop="x"/>')
    assert.same({ 13512, 13512, 13510, 13520 }, codes(s))
  end)

  it("does not read what is too long: 13521; it goes on", function()
    local s <close> = stage.open()
    lasts(s, "<Say>" .. ("ä"):rep(4097) .. "</Say>")
    assert.same({ 13521 }, codes(s))
  end)
end)

describe("V2 V5 Play", function()
  local function sound(headers, seconds)
    headers = headers or {}
    headers["Content-Type"] = "audio/wav"
    local bytes = audio.wav(audio.sines { { 500, seconds or 0.5 } })
    return function() return 200, bytes, headers end
  end

  it("fetches by GET, without parameters and signature, and plays as often as loop says", function()
    local s <close> = stage.open()
    s.web["/a/b.wav"] = sound()
    assert.near(1.5, lasts(s, '<Play loop="3">/a/b.wav</Play>'), 0.2)
    local list = s:requests_to "/a/b.wav"
    assert.equal(1, #list)
    assert.equal("GET", list[1].method)
    assert.equal("/a/b.wav", list[1].target)
    assert.is_nil(list[1].headers["x-twilio-signature"])
    assert.truthy(list[1].headers["user-agent"]:match("^moonline/"))
  end)

  it("asks for it again by its mark, and not while it is fresh", function()
    local s <close> = stage.open()
    local bytes = audio.wav(audio.sines { { 500, 0.5 } })
    local served, told = 0, 0
    s.web["/a.wav"] = function(request)
      if request.headers["if-none-match"] == '"one"' then
        told = told + 1
        return 304
      end
      served = served + 1
      return 200, bytes, { ["Content-Type"] = "audio/wav", ETag = '"one"' }
    end
    s.web["/fresh.wav"] = sound { ["Cache-Control"] = "max-age=3600" }
    for _ = 1, 3 do
      assert.near(1, lasts(s, "<Play>/a.wav</Play><Play>/fresh.wav</Play>"), 0.2)
    end
    assert.equal(1, served)
    assert.equal(2, told)
    assert.equal(1, #s:requests_to "/fresh.wav")
  end)

  it("asks for it whole again without a mark, or when it must not be kept", function()
    local s <close> = stage.open()
    s.web["/plain.wav"] = sound()
    s.web["/secret.wav"] = sound { ETag = '"x"', ["Cache-Control"] = "no-store" }
    lasts(s, "<Play>/plain.wav</Play><Play>/secret.wav</Play>")
    lasts(s, "<Play>/plain.wav</Play><Play>/secret.wav</Play>")
    local list = s:requests_to "/secret.wav"
    assert.equal(2, #list)
    assert.is_nil(list[2].headers["if-none-match"])
    assert.equal(2, #s:requests_to "/plain.wav")
  end)

  it("<Play digits> presses them, with w and W as half and whole seconds", function()
    local s <close> = stage.open()
    local took = lasts(s, '<Play digits="1wW2"/>')
    assert.is_true(took > 1.6 and took < 3)
    lasts(s, '<Play digits="12x"/>')
    assert.same({ 13430 }, codes(s))
  end)

  it("a document that is a recording is played, then the call ends", function()
    local s <close> = stage.open()
    for _, seconds in ipairs { 2, 20 } do -- the long one is more than a document may be
      s.web["/voice"] = sound(nil, seconds)
      local alice = assert(s:call())
      local begun = moonline.clock()
      s:quiet()
      assert.near(seconds, moonline.clock() - begun, 0.2)
      alice:hangup()
    end
    assert.same({}, codes(s))
    assert.equal(3, #s.requests)
    assert.equal(s.requests[2].body, s.requests[3].body)
  end)
end)

-- Gather in live calls: how it ends, when its time runs, what it posts.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

local WAIT = stage.twiml '<Pause length="1"/>'

-- Alice calls a document whose Gather has these attributes and prompts, and does fn(alice); what comes
-- to /keys is given back, with the seconds since the answer, or nil when nothing came.
local function gather(attributes, fn, options)
  options = options or {}
  local s <close> = stage.open(options.server)
  s.web["/keys"], s.web["/next"] = WAIT, WAIT
  for path, page in pairs(options.pages or {}) do s.web[path] = page end
  s.web["/voice"] = stage.twiml(("%s<Gather %s>%s</Gather><Redirect>/next</Redirect>"):format(
    options.before or "", attributes, options.prompts or ""))
  local alice = assert(s:call { timeout = 60 })
  local begun = moonline.clock()
  fn(alice, s)
  s:quiet(200)
  local came = s:requests_to("/keys")[1] or s:requests_to("/voice")[2]
  local after = s:requests_to("/next")[1]
  return came and came.params, came and came.time - begun, after and after.time - begun, s.events
end

local function press(keys, seconds)
  return function(alice)
    for key in keys:gmatch(".") do
      moonline.sleep(seconds or 0.3)
      alice:send_digits(key)
    end
  end
end

local function nothing() end

local function page(body, kind)
  return function() return 200, body, { ["Content-Type"] = kind or "text/xml" } end
end

local TONE = page(audio.wav(audio.sines { { 500, 3 } }), "audio/wav")

describe("V2 Gather", function()
  it("<Gather input numDigits>: keys, and so many of them", function()
    local params, took = gather('action="/keys" input="dtmf" numDigits="3"', press "1234")
    assert.equal("123", params.Digits)
    assert.equal("in-progress", params.CallStatus)
    assert.is_true(took < 2)
  end)

  it("ends with #, which is not one of the digits", function()
    local params = gather('action="/keys"', press "12#4")
    assert.equal("12", params.Digits)
  end)

  it("<Gather finishOnKey>: ends with that key; then # is a digit", function()
    local params = gather('action="/keys" finishOnKey="*"', press "1#2*4")
    assert.equal("1#2", params.Digits)
  end)

  it("with an empty finishOnKey ends by time or number", function()
    local params, took = gather('action="/keys" finishOnKey="" timeout="2"', press "1#*")
    assert.equal("1#*", params.Digits)
    assert.near(2, took - 1.5, 0.8) -- the last key, then 2 s
    params = gather('action="/keys" finishOnKey="" numDigits="2"', press "#*")
    assert.equal("#*", params.Digits)
  end)

  it("<Gather timeout>: ends when no key came for so long: after the prompt's end", function()
    local params, _, after = gather('action="/keys" timeout="4"', nothing,
      { prompts = '<Pause length="3"/>' })
    assert.is_nil(params)
    assert.near(7, after, 0.3)
  end)

  it("has five seconds without the attribute", function()
    local _, _, after = gather('action="/keys"', nothing)
    assert.near(5, after, 0.3)
  end)

  it("counts the time anew from each key", function()
    local params, took = gather('action="/keys" timeout="3"', press("123", 2))
    assert.equal("123", params.Digits)
    assert.is_true(took > 8.5)
  end)

  it("<Gather method>: posts to the current document without action", function()
    local params = gather('numDigits="1" method="GET"', press "7")
    assert.equal("7", params.Digits)
  end)

  it("with nothing pressed goes on with the next verb, also after the finishing key", function()
    local params, _, after = gather('action="/keys" timeout="2"', press "#")
    assert.is_nil(params)
    assert.is_true(after < 1.5)
  end)

  it("<Gather action actionOnEmptyResult>: posts nevertheless, without Digits", function()
    local params, took, after = gather('action="/keys" timeout="2" actionOnEmptyResult="true"',
      nothing)
    assert.near(2, took, 0.3)
    assert.is_nil(params.Digits)
    assert.is_nil(after)
  end)

  it("does not take keys that were pressed before it began", function()
    local params = gather('action="/keys" timeout="2"', press "456",
      { before = '<Pause/><Pause length="4"/>' })
    assert.is_nil(params)
  end)

  it("plays Say, Play and Pause one after the other until a key comes", function()
    local params, took, _, events = gather('action="/keys" numDigits="1"', function(alice)
      moonline.sleep(4)
      alice:send_digits "9"
    end, {
      prompts = '<Pause length="1"/><Play>/tone.wav</Play><Play>/tone.wav</Play>'
        .. '<Pause length="20"/>',
      pages = { ["/tone.wav"] = TONE },
    })
    assert.equal("9", params.Digits)
    assert.near(4.2, took, 0.3)
    local fetched = 0
    for _, event in ipairs(events) do
      if event.kind == "warning" then fetched = fetched + 1 end
    end
    assert.equal(0, fetched)
  end)

  it("goes on without a prompt that cannot be had: 11200, or 13325 for what is no audio", function()
    local params, _, _, events = gather('action="/keys" numDigits="1"', press("1", 1), {
      prompts = "<Play>/gone.wav</Play><Play>/page</Play>", pages = { ["/page"] = page "<a/>" },
    })
    assert.equal("1", params.Digits)
    local seen = {}
    for _, event in ipairs(events) do
      if event.kind == "warning" then seen[#seen + 1] = event.code end
    end
    assert.same({ 11200, 13325 }, seen)
  end)

  it("requests nothing when the caller hangs up", function()
    local params, _, after = gather('action="/keys" actionOnEmptyResult="true"', function(alice)
      moonline.sleep(0.5)
      alice:send_digits "1"
      moonline.sleep(0.5)
      alice:hangup()
    end)
    assert.is_nil(params)
    assert.is_nil(after)
  end)

  it("with wrong values takes its defaults and says so", function()
    local _, _, after, events = gather(
      'action="/keys" timeout="soon" numDigits="0" finishOnKey="12" method="PUT" input="mind"',
      nothing)
    assert.near(5, after, 0.3)
    local seen = {}
    for _, event in ipairs(events) do
      if event.kind == "warning" then seen[#seen + 1] = event.code end
    end
    table.sort(seen)
    assert.same({ 13311, 13312, 13313, 13314, 13326 }, seen)
  end)

  it("leaves out what may not stand in it: 13320", function()
    local _, _, after, events = gather('action="/keys" timeout="1"', nothing,
      { prompts = "<Redirect>/keys</Redirect><Play digits='1'/><Hangup/>" })
    assert.near(1, after, 0.3)
    local seen = {}
    for _, event in ipairs(events) do
      if event.kind == "warning" then seen[#seen + 1] = event.code end
    end
    assert.same({ 13320, 13320, 13320 }, seen)
  end)
end)

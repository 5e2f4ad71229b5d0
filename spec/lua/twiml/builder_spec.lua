local builder = require "moonline.twiml.builder"
local document = require "moonline.twiml.document"

local function strict(response)
  local doc, problems = document.parse(tostring(response), { mode = "strict" })
  assert.same({}, problems)
  return doc
end

describe("S20: the builder", function()
  it("writes what the samples write", function()
    local r = builder.response()
    r:dial { timeout = 10 } :sip("sip:kate@example.com", { username = "admin" })
    assert.equal('<?xml version="1.0" encoding="UTF-8"?><Response><Dial timeout="10">'
      .. '<Sip username="admin">sip:kate@example.com</Sip></Dial></Response>', tostring(r))
    strict(r)
  end)

  it("takes text and attributes in either order", function()
    local r = builder.response()
    r:say("Hello", { voice = "alice", loop = 2 })
    r:say({ language = "en-GB" }, "Hi")
    r:pause { length = 2 }
    r:hangup()
    local doc = strict(r)
    assert.equal("Hello", doc.verbs[1].text)
    assert.equal("Hi", doc.verbs[2].text)
    assert.equal(2, doc.verbs[3].attrs.length)
  end)

  it("escapes everything", function()
    local nasty = [[a<b>&"c" 'd' ]] .. "]]> é"
    local r = builder.response()
    r:say(nasty)
    r:dial { action = "/x?a=1&b=\"2\"" } :sip("sip:a@b?c=d&e=f")
    local doc = strict(r)
    assert.equal(nasty, doc.verbs[1].text)
    assert.equal('/x?a=1&b="2"', doc.verbs[2].attrs.action)
    assert.equal("sip:a@b?c=d&e=f", doc.verbs[2].children[1].text)
  end)

  it("writes booleans, numbers and lists as TwiML wants them", function()
    local r = builder.response()
    r:dial { hangupOnStar = true, timeLimit = 60.0 }
      :sip("a@b", { statusCallback = "/s", statusCallbackEvent = { "initiated", "completed" } })
    local doc = strict(r)
    assert.is_true(doc.verbs[1].attrs.hangupOnStar)
    assert.equal(60, doc.verbs[1].attrs.timeLimit)
    assert.same({ "initiated", "completed" }, doc.verbs[1].children[1].attrs.statusCallbackEvent)
  end)

  it("nests sounds in a Gather, and markup in a Say", function()
    local r = builder.response()
    local gather = r:gather { numDigits = 1 }
    gather:say("Press"):break_ { time = "1s" }
    gather:pause { length = 1 }
    local doc = strict(r)
    assert.equal(2, #doc.verbs[1].children)
    assert.equal('Press<break time="1s"></break>', doc.verbs[1].children[1].markup)
  end)

  it("refuses what its own parser would refuse", function()
    local r = builder.response()
    assert.has_error(function() r:dail {} end)
    assert.has_error(function() r:sip("a@b") end)
    assert.has_error(function() r:hangup():say("x") end)
    assert.has_error(function() r:gather():hangup() end)
    assert.has_error(function() r:dial { timeOut = 5 } end)
    assert.has_error(function() r:dial { timeout = "ten" } end)
    assert.has_error(function() r:say(true) end)
    assert.has_error(function() r:say("x"):audio() end)
    assert.has_error(function() r:say("x"):break_ { strength = "weakest" } end)
    assert.has_error(function() r:dial():break_() end)
    local _, message = pcall(function() r:dial { statuscallback = "x", timeot = 5 } end)
    assert.is_string(message)
  end)

  it("marks up speech, one in the other, with text between", function()
    local r = builder.response()
    local say = r:say "The code is "
    say:say_as("12", { ["interpret-as"] = "telephone" })
    say:text " and "
    say:prosody({ rate = "slow" }):emphasis("no", { level = "strong" })
    assert.matches('<Say>The code is <say%-as interpret%-as="telephone">12</say%-as> and '
      .. '<prosody rate="slow"><emphasis level="strong">no</emphasis></prosody></Say>', tostring(r))
    strict(r)
  end)

  it("an empty document is a document", function()
    strict(builder.response())
  end)
end)

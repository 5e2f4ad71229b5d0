-- Call scripts: straight-line Lua on real calls.
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"
local stage = require "support.stage"

local keys, notes, take = scripted.keys, scripted.notes, scripted.take

describe("a call script", function()
  it("L1 answers, and the call ends with the function", function()
    local s <close> = take [[
      note("state", call.state, call.direction, call.from:match "^sip:alice@" ~= nil,
        call.id == call.sid, call.headers["x-note"])
      call:answer()
      note("state", call.state)
      call:wait({}, 2)
    ]]
    local alice = assert(s:call { headers = { ["X-Note"] = "hello" } })
    local answered = moonline.clock()
    local event = party.ended(alice)
    assert.near(2, event.time - answered, 0.3)
    assert.equal("state ringing inbound true true hello; state in-progress", notes(s, 2))
    s:quiet()
  end)

  it("L1 rings, and rejects: busy, rejected, a code", function()
    local codes = { ['"busy"'] = 486, ['"rejected"'] = 603, ["410"] = 410, [""] = 603 }
    for given, code in pairs(codes) do
      local s <close> = take(("call:ring() call:wait({}, 1) call:reject(%s) note 'unreachable'")
        :format(given))
      local _, _, status = s:call()
      assert.equal(code, status)
      s:quiet()
      assert.equal("", notes(s, 0))
    end
  end)

  it("L1 that returns without answering answers and hangs up", function()
    local s <close> = take "local _ = call"
    local alice = assert(s:call())
    party.ended(alice)
    s:quiet()
  end)

  it("L1 gathers keys: enough of them, up to #, or what came in time", function()
    local s <close> = take [[
      note("A", call:gather { say = "Three keys.", digits = 3, timeout = 5 })
      note("B", call:gather { timeout = 5 })
      note("C", call:gather { digits = 4, timeout = 2 })
      note("D", call:gather { digits = 1, timeout = 1, finish_on_key = "" })
    ]]
    local alice = assert(s:call())
    keys(alice, "w123")
    assert.equal("A 123 nil 123", notes(s, 1))
    keys(alice, "45#")
    assert.equal("A 123 nil 123; B 45 finished 45", notes(s, 2))
    keys(alice, "6")
    assert.equal("A 123 nil 123; B 45 finished 45; C nil timeout 6", notes(s, 3))
    keys(alice, "w#")
    assert.matches("D # nil #$", notes(s, 4))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 a key stops the prompt", function()
    local s <close> = take [[
      note(call:gather { play = { silence = 20 }, digits = 1, timeout = 5 })
    ]]
    local alice = assert(s:call())
    moonline.sleep(2)
    local begun = moonline.clock()
    keys(alice, "7")
    assert.equal("7 nil 7", notes(s, 1))
    assert.is_true(moonline.clock() - begun < 1)
    party.ended(alice)
    s:quiet()
  end)

  it("L1 gather gives back what it has when the caller hangs up, and the task goes on", function()
    local s <close> = take [[
      note(call:gather { digits = 5, timeout = 20 })
      note "after"
      call:say "nobody hears this"
      note "unreachable"
    ]]
    local alice = assert(s:call())
    keys(alice, "12")
    moonline.sleep(3)
    alice:hangup()
    assert.equal("nil hangup 12; after", notes(s, 2))
    moonline.sleep(3)
    assert.equal("nil hangup 12; after", notes(s, 2))
    s:quiet()
  end)

  it("L1 keys pressed early are dropped, unless type_ahead is asked for", function()
    local s <close> = take [[
      call:answer()
      moonline.sleep(3)
      note("A", call:gather { digits = 1, timeout = 1, type_ahead = true })
      note("B", call:gather { digits = 1, timeout = 1 })
    ]]
    local alice = assert(s:call())
    keys(alice, "12")
    assert.equal("A 1 nil 1; B nil timeout ", notes(s, 2))
    party.ended(alice)
    s:quiet()
  end)

  it('L1 on("dtmf") hears the keys that nobody waits for', function()
    local s <close> = take [[
      local got = {}
      call:on("dtmf", function(digit) got[#got + 1] = digit end)
      call:answer()
      call:play { silence = 4 }
      call:wait({ "digit" }, 3)
      note(table.concat(got))
    ]]
    local alice = assert(s:call())
    keys(alice, "w1w2")
    assert.matches("^1", notes(s, 1))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 no pcall holds a hangup, not in a loop either", function()
    local s <close> = take [[
      call:answer()
      for _ = 1, 1000 do pcall(call.play, call, { silence = 1 }) end
      note "unreachable"
    ]]
    local alice = assert(s:call())
    moonline.sleep(2.5)
    alice:hangup()
    s:quiet()
    moonline.sleep(2)
    assert.equal("", notes(s, 0))
    assert.equal(0, s.server.generation:tasks())
  end)

  it("L1 after a hangup other things may be done, on the call they may not", function()
    local s <close> = take [[
      local voicemail <close> = call:record { max = 60 }
      note(voicemail.why, voicemail.duration > 2.5 and voicemail.duration < 3.5, voicemail.path)
      note(pcall(call.say, call, "hello"))
    ]]
    local alice = assert(s:call())
    alice.core:play { tone = "440", ms = 0 }
    moonline.sleep(3)
    alice:hangup()
    local path = notes(s, 1):match "^hangup true (%g+%.wav)$"
    assert(io.open(path, "rb")):close()
    moonline.sleep(2)
    assert.equal("hangup true " .. path, notes(s, 1))
    s:quiet()
  end)

  it("L1 a recording ends by a key, or by its length", function()
    local s <close> = take [[
      local one = call:record { max = 20, keys = "#" }
      note(one.why, one.key, math.floor(one.duration + 0.5))
      local two = call:record { max = 2 }
      note(two.why, math.floor(two.duration + 0.5))
    ]]
    local alice = assert(s:call())
    moonline.sleep(4)
    keys(alice, "#")
    assert.matches("^key # [34]; max 2$", notes(s, 2))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 sends keys to the other side", function()
    local s <close> = take [[
      call:answer()
      call:send_digits "12w3"
      note "sent"
    ]]
    local alice = assert(s:call())
    local got = ""
    while true do
      local event = alice.box:wait({ "digit", "ended" }, 20)
      if event.kind == "ended" then
        alice:over(event)
        break
      end
      got = got .. event.digit
    end
    assert.equal("123", got)
    s:quiet()
  end)

  it("L1 runs TwiML: a text, and the URL of a document, and goes on after it", function()
    local s <close> = take [[
      call:run '<Response><Pause length="1"/><Say>Hello.</Say></Response>'
      note "text"
      call:run(APP .. "/document")
      note "url"
    ]]
    s.web["/document"] = stage.twiml '<Gather numDigits="1" action="/key"/>'
    s.web["/key"] = stage.twiml ""
    local alice = assert(s:call())
    s:request "/document"
    keys(alice, "ww5")
    assert.equal("5", s:request("/key").params.Digits)
    assert.equal("text; url", notes(s, 2))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 builds a document and runs it", function()
    local s <close> = take([[
      local r = moonline.twiml.response()
      r:dial { timeout = 10, action = APP .. "/after" }:sip(KATE)
      moonline.twiml.run(call, tostring(r))
    ]], party.takes { talk = 2 })
    s.web["/after"] = stage.twiml "<Hangup/>"
    local alice = assert(s:call())
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    party.ended(alice)
    s:quiet()
  end)
end)

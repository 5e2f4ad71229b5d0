-- Call scripts: straight-line Lua on real calls. A script tells the story of its call by note(text).
local lfs = require "lfs"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local PRELUDE = [[
local moonline = require "moonline"
local APP = "%s"
local function note(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  moonline.http.post(APP .. "/note", { text = table.concat(words, " ") })
end
local KATE, BOB = "%s", "%s"
]]

-- A stage whose calls are taken by this script body; kate and bob are phones it may dial.
local function open(body, kate, bob, options)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local phones = { assert(moonline.agent()), assert(moonline.agent()) }
  local s = stage.open(function(url)
    local path = folder .. "/line.lua"
    local file <close> = assert(io.open(path, "wb"))
    file:write(PRELUDE:format(url, phones[1]:uri "kate", phones[2]:uri "bob"), body)
    local voice = { script = path }
    for key, value in pairs(options or {}) do voice[key] = url .. value end
    return { voice = voice, store = { path = folder } }
  end)
  for i, fn in pairs { kate, bob } do phones[i]:on("call", fn) end
  s.phones, s.store = phones, folder
  s.web["/note"] = ""
  return s
end

local function take(body, ...)
  return open('moonline.on("call", function(call)\n' .. body .. "\nend)\n", ...)
end

-- Waits until n notes have come: all of them, by ";".
local function notes(s, n, timeout)
  local limit = moonline.clock() + (timeout or 60)
  while #s:requests_to "/note" < n do
    if moonline.clock() > limit then break end
    moonline.sleep(0.02)
  end
  local list = {}
  for i, request in ipairs(s:requests_to "/note") do list[i] = request.params.text end
  return table.concat(list, "; ")
end

local function keys(alice, digits)
  alice.core:play { digits = digits }
end

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
    for given, code in pairs { ['"busy"'] = 486, ['"rejected"'] = 603, ["410"] = 410, [""] = 603 } do
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
      note(voicemail.why, voicemail.duration > 2.5 and voicemail.duration < 3.5,
        voicemail.path:match "%.wav$" ~= nil, io.open(voicemail.path) ~= nil)
      note(pcall(call.say, call, "hello"))
    ]]
    local alice = assert(s:call())
    alice.core:play { tone = "440", ms = 0 }
    moonline.sleep(3)
    alice:hangup()
    assert.equal("hangup true true true", notes(s, 1))
    moonline.sleep(2)
    assert.equal("hangup true true true", notes(s, 1))
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

describe("an error in a script", function()
  it("L1 L3 ends that call alone: an answered caller hears the apology", function()
    local s <close> = take [[
      call:answer()
      if call.from:match "bad" then
        call:wait({}, 1)
        error "oops"
      end
      call:wait({}, 20)
      note "well"
    ]]
    local bad = assert(s:call { from = "bad" })
    local good = assert(s:call { from = "good" })
    moonline.sleep(1.5)
    assert.is_true(party.audio(bad, 1) > 30)
    party.ended(bad, 15)
    assert.is_nil((good.box:wait({ "ended" }, 0)))
    assert.matches("oops", s:warned(12400))
    assert.equal("well", notes(s, 1))
    party.ended(good)
    s:quiet()
  end)

  it("L1 refuses a ringing caller with 500", function()
    local s <close> = take "local x = nil; return x.y, call"
    local _, _, code = s:call()
    assert.equal(500, code)
    s:quiet()
  end)

  it("L1 goes to the fallback where there is one", function()
    local s <close> = take("call:answer() error 'oops'", nil, nil,
      { fallback_url = "/fallback" })
    s.web["/fallback"] = stage.twiml "<Redirect>/more</Redirect>"
    s.web["/more"] = stage.twiml ""
    local alice = assert(s:call())
    assert.equal("12400", s:request("/fallback").params.ErrorCode)
    s:request "/more"
    party.ended(alice)
    s:quiet()
  end)

  it("L1 in a screen ends the dial and the call, not more", function()
    local s <close> = take([[
      call:dial(KATE, { screen = function() error "in the screen" end })
      note "unreachable"
    ]], party.takes())
    local alice = assert(s:call())
    party.ended(alice)
    assert.matches("in the screen", s:warned(12400))
    s:quiet()
    assert.equal("", notes(s, 0))
  end)

  it("L1 misuse is told with the name of what was wrong", function()
    local s <close> = take [[
      note(select(2, pcall(call.dial, call, 7)))
      note(select(2, pcall(call.play, call, { nothing = true })))
      note(select(2, pcall(call.reject, call, "maybe")))
      note(select(2, pcall(moonline.on, "cal", print)))
      note(select(2, pcall(call.bridge, call, call)))
      note(select(2, pcall(moonline.on, "call", print)))
    ]]
    local alice = assert(s:call())
    local all = notes(s, 6)
    assert.matches("SIP URI expected", all)
    assert.matches("play: a path, a URL", all)
    assert.matches("reject: busy, rejected or a SIP code", all)
    assert.matches('no event "cal"', all)
    assert.matches("another leg expected", all)
    assert.matches("only while the script is being loaded", all)
    party.ended(alice)
    s:quiet()
  end)
end)

describe("the rest of the API", function()
  it("L1 moonline.call places a call, with and without success", function()
    local s <close> = take([[
      local kate <close>, why, status = moonline.call(KATE, { timeout = 10 })
      note(kate and kate.state, why, status)
      kate:play { silence = 1 }
      kate:hangup()
      note(moonline.call(BOB))
      call:reject()
    ]], party.takes(), party.refuses(404))
    local _, _, code = s:call()
    assert.equal(603, code)
    assert.equal("in-progress nil nil; nil failed 404", notes(s, 2))
    s:quiet()
  end)

  it("L1 moonline.http asks, posts, and says what went wrong", function()
    local s <close> = take [[
      local page = moonline.http.get(APP .. "/page", { x = "a b" })
      note(page.status, page.body, page.headers["content-type"])
      local posted = moonline.http.post(APP .. "/page", { y = 1 })
      note(posted.status, posted.body)
      note((moonline.http.get(APP .. "/gone")).status)
      local none, code, text = moonline.http.get "http://127.0.0.1:1/"
      note(none, code, text ~= nil)
      call:reject()
    ]]
    s.web["/page"] = function(request)
      return request.method .. " " .. (request.params.x or request.params.y)
    end
    s:call()
    assert.equal("200 GET a b text/plain; 200 POST 1; 404; nil 11205 true", notes(s, 4))
    s:quiet()
  end)

  it("L1 a group's tasks end with its block; first() gives the first result", function()
    local s <close> = take [[
      local function after(seconds, value)
        local _ <close> = setmetatable({}, { __close = function() note("end", value) end })
        moonline.sleep(seconds)
        return value
      end
      do
        local group <close> = moonline.group()
        group:spawn(after, 3, "slow")
        group:spawn(after, 1, "quick")
        note("first", group:first())
      end
      note "left"
      call:reject()
    ]]
    s:call()
    local all = notes(s, 4)
    assert.matches("^end quick; ", all)
    assert.matches("first quick", all)
    assert.matches("end slow", all)
    assert.matches("left$", all)
    s:quiet()
  end)

  it("L1 L3 an error in a task beside the call harms nobody", function()
    local s <close> = take [[
      moonline.spawn(function() error "beside" end)
      call:answer()
      call:wait({}, 1)
      note "well"
    ]]
    local alice = assert(s:call())
    assert.equal("well", notes(s, 1))
    party.ended(alice)
    s:quiet()
  end)

  it("L1 two calls of one script do not meet", function()
    local s <close> = take [[
      local own = call.from:match "^sip:(%w+)"
      call:answer()
      for i = 1, 3 do
        call:wait({}, 1)
        note(own, i)
      end
    ]]
    local one = assert(s:call { from = "one" })
    moonline.sleep(0.5)
    local two = assert(s:call { from = "two" })
    party.ended(one)
    party.ended(two)
    assert.equal("one 1; two 1; one 2; two 2; one 3; two 3", notes(s, 6))
    s:quiet()
  end)
end)

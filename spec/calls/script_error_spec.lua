-- What goes wrong in a script, and the rest of the API.
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"
local stage = require "support.stage"

local notes, take = scripted.notes, scripted.take

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
    assert.matches('play: a sound: there is no option "nothing"', all)
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

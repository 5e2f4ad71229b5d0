-- /v1/console: Lua in the running server, whose calls it cannot hurt.
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

local twiml = stage.twiml

describe("/v1/console", function()
  local function does(s, text, session)
    local status, answer = rest.console(s, text, { session = session })
    assert.equal(200, status)
    assert.is_true(answer.ok, answer.error)
    return answer
  end

  local function fails(s, text)
    local status, answer = rest.console(s, text)
    assert.equal(200, status)
    assert.is_false(answer.ok)
    return answer.error
  end

  it("gives the values of an expression or of statements, to read and as JSON", function()
    local s <close> = stage.open()
    local answer = does(s, "1 + 1")
    assert.same({ 2 }, answer.values)
    assert.equal("2", answer.shown)
    assert.equal(s.server.generation:number(), answer.generation)
    assert.equal('"a\\n"\t{ 1, x = { y = true } }',
      does(s, 'return "a\\n", {1, x = {y = true}}').shown)
    assert.equal("a\t1\n", does(s, 'for i = 1, 1 do print("a", i) end').output)
    assert.same({}, does(s, "local x = 1").values)
    assert.matches("^function", does(s, "print").values[1])
    assert.equal("{ <itself> }", does(s, "local t = {} t[1] = t return t").shown)
    assert.equal(does(s, "moonline.version").values[1], moonline.version)
    assert.matches("hangup%(sid%)", does(s, "help()").output)
  end)

  it("keeps the globals of a session, and nobody else sees them", function()
    local s <close> = stage.open()
    does(s, "x = 20")
    does(s, "x + 1")
    assert.same({ 41 }, does(s, "_ + x").values)
    assert.same({ "nil" }, does(s, "tostring(x)", "b").values)
    assert.is_true(does(s, "1", "c").new)
    assert.is_nil(does(s, "1", "c").new or nil)
    assert.is_true((s.server:reload()))
    local answer = does(s, "tostring(x)")
    assert.same({ "nil" }, answer.values)
    assert.is_true(answer.new)
    assert.equal(s.server.generation:number(), answer.generation)
  end)

  it("gives up sessions that nobody uses, and the oldest of too many", function()
    local s <close> = stage.open()
    does(s, "x = 1", "idle")
    moonline.sleep(601)
    does(s, "1", "other")
    assert.is_true(does(s, "x", "idle").new)
    for i = 1, 16 do
      moonline.sleep(1)
      does(s, "x = " .. i, "s" .. i)
    end
    assert.is_true(does(s, "x", "idle").new)
    assert.same({ 16 }, does(s, "x", "s16").values)
  end)

  it("shows the live calls, and hangs one up", function()
    local s <close> = stage.open()
    s.web["/voice"] = twiml '<Pause/><Pause length="60"/>'
    local leg = s:call()
    local call = does(s, "calls()").values[1][1]
    assert.matches("^CA%x+$", call.sid)
    assert.equal("in-progress", call.status)
    assert.equal("inbound", does(s, ("show %q"):format(call.sid)).values[1].direction)
    assert.same({ true }, does(s, ("hangup %q"):format(call.sid)).values)
    s:quiet()
    assert.equal("ended", leg.box:wait("ended", 1).kind)
    assert.equal("completed", does(s, ("show %q"):format(call.sid)).values[1].status)
    assert.same({}, does(s, "calls()").values[1])
    assert.equal("no such call is live", does(s, ("hangup %q"):format(call.sid)).values[2])
  end)

  it("places calls with the API of scripts", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes())
    assert.same({ "in-progress" }, does(s, ("call = moonline.call(%q) return call.state")
      :format(kate.address)).values)
    does(s, "call:hangup()")
    assert.matches("^stopped", fails(s, "call:play { silence = 1 }"))
    s:quiet()
  end)

  it("tells errors by their place, of the text and of what it does", function()
    local s <close> = stage.open()
    assert.equal("console:1: unexpected symbol near ')'", fails(s, ")"))
    assert.equal("console:2: oh", fails(s, '\nerror "oh"'))
    assert.matches("^table: ", fails(s, "error {}"))
    assert.matches("64 KiB", fails(s, "while true do print(('x'):rep(1000)) end"))
  end)

  it("stops what runs, takes or waits too long, and calls go on", function()
    local s <close> = stage.open()
    s.web["/voice"] = twiml '<Pause/><Pause length="600"/>'
    local leg = s:call()
    for _, text in ipairs { "while true do end", "pcall(function() while true do end end)",
      "setmetatable({}, { __close = function() while true do end end })",
      "local t <close> = setmetatable({}, { __close = function() while true do end end })",
      "return setmetatable({}, { __tostring = function() while true do end end })",
      "local function f() return f() end return f()",
      "coroutine.wrap(function() while true do end end)()" } do
      local _, answer = rest.console(s, text)
      assert.is_true(answer.ok or answer.error:find "limits.resume_ms" ~= nil, answer.error)
    end
    assert.matches("limits.resume_mb", fails(s, "('x'):rep(1e8)"))
    assert.matches("30 s", fails(s, "moonline.sleep(1000)"))
    does(s, "moonline.spawn(function() while true do moonline.sleep(1) end end)")
    local first = s.server.generation:number()
    assert.is_true((s.server:reload()))
    assert.equal("in-progress", does(s, "calls()[1].status").values[1])
    leg:hangup()
    s:quiet()
    moonline.sleep(1)
    assert.is_nil(s.server.generations[first]) -- what was begun there does not keep it
  end)

  it("has the sandbox of scripts, which script.trusted lifts", function()
    local s <close> = stage.open()
    for _, word in ipairs { "io", "os.execute", "debug", "package" } do
      assert.same({ "nil" }, does(s, "tostring(" .. word .. ")").values)
    end
    assert.matches("not for scripts", fails(s, 'require "moonline.runtime"'))
    local t <close> = stage.open { script = { trusted = true } }
    assert.matches("^table", does(t, "tostring(io)").values[1])
  end)

  it("is off where others can come, unless it is told to be on", function()
    for _, case in ipairs {
      { { public_url = "https://pbx.example.com" }, 403 },
      { { listen = "0.0.0.0:0" }, 403 },
      { { listen = "127.0.0.1:0", console = false }, 403 },
      { { public_url = "https://pbx.example.com", console = true }, 200 },
    } do
      local s <close> = stage.open { http = case[1] }
      s.server.http_address = s.server.http_address:gsub("^0.0.0.0", "127.0.0.1")
      local status, answer = rest.console(s, "1")
      assert.equal(case[2], status)
      if status == 403 then assert.matches("http.console = true", answer.message) end
    end
  end)

  it("asks for credentials, and for a type that no web page sends by itself", function()
    local s <close> = stage.open()
    local url = "http://" .. s.server.http_address .. "/v1/console"
    assert.equal(401, moonline.http.post(url, {}).status)
    assert.equal(415, (rest.console(s, "1", { type = "text/plain" })))
    assert.equal(400, (rest.console(s, "1", { session = "a.b" })))
  end)
end)

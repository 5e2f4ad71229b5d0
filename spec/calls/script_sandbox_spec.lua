-- What a script may reach, and what becomes of errors wherever its functions are called.
local changing = require "support.changing"
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"
local stage = require "support.stage"

local notes, take = scripted.notes, scripted.take
local write, folder, change, health = changing.write, changing.folder, changing.change,
  changing.health

-- What a script says of these expressions, each in pcall.
local function says(expressions, options)
  local lines = {}
  for _, expression in ipairs(expressions) do
    lines[#lines + 1] = ("said[#said + 1] = tostring(select(2, pcall(function() return %s end)))")
      :format(expression)
  end
  local body = "local said = {}\n" .. table.concat(lines, "\n") ..
    "\nnote(table.concat(said, '; '))\ncall:reject()"
  local s <close> = take(body, nil, nil, options)
  assert(not s:call())
  local result = notes(s, 1)
  s:quiet()
  return result
end

describe("a script", function()
  it("L3 has none of what reaches the process", function()
    local all = says { "io", "debug", "package", "dofile", "loadfile", "warn", "string.dump",
      "os.execute", "os.exit", "os.remove", "os.rename", "os.tmpname", "os.setlocale" }
    assert.equal(("nil; "):rep(12) .. "nil", all)
  end)

  it("L3 loads text only, into its own environment", function()
    local all = says { [[select(2, load("\27Lua"))]], [[select(2, load("\27Lua", "x", "b"))]],
      [[load("return _G")() == _G]], [[load("return a", "x", "t", { a = 7 })()]],
      [[load("return a", "x", "t", nil) == nil]], [[load(function() return nil end) ~= nil]],
      [[select(2, load("x = = 1", "=mine"))]],
      [[load("local x = 0; " .. ("x = x + 1 "):rep(5000) .. "return x")()]] }
    assert.equal("attempt to load a binary chunk (mode is 't'); " ..
      "attempt to load a binary chunk (mode is 't'); true; 7; false; true; " ..
      "mine:1: unexpected symbol near '='; 5000", all)
  end)

  it("L3 does not change what others stand on", function()
    local all = says { [[getmetatable("")]], [[getmetatable(call)]], [[setmetatable(call, {})]],
      [[setmetatable(moonline.log, nil) == moonline.log]], [[getmetatable(moonline.mailbox())]],
      [[getmetatable(setmetatable({}, { __metatable = 7 }))]],
      [[setmetatable(setmetatable({}, { a = 1 }), nil) ~= nil]],
      [[setmetatable({}, { __gc = function() end })]] }
    assert.matches("^protected; protected; .-this one is protected; true; protected; 7; true; ",
      all)
    assert.matches("__gc is not for scripts; __close and <close> are$", all)
  end)

  it("L3 has no way to the server but the public one", function()
    local all = says { [[require "moonline.core.sip"]], [[require "moonline.runtime"]],
      [[require "moonline.cli.serve"]], [[require "lfs"]], [[require "../line"]],
        [[require "a..b"]],
      [[require "moonline.twiml.builder" ~= nil]], [[require "moonline" == moonline]],
      [[os.getenv "MOONLINE_AUTH_TOKEN"]], [[os.getenv "PATH" ~= nil]],
      [[collectgarbage "stop"]], [[collectgarbage "count" > 0]] }
    for name in all:gmatch "module '([%w.]+)' is not for scripts" do
      all = all .. " " .. name
    end
    assert.matches("moonline.core.sip moonline.runtime moonline.cli.serve$", all)
    assert.matches("module 'lfs' not found: there is no .-/lfs.lua or ", all)
    assert.matches("module '%.%./line' not found: there is no such name", all)
    assert.matches("module 'a%.%.b' not found: there is no such name; true; true; nil; true; 0; ",
      all)
  end)

  it("L3 resumes and closes no task", function()
    local all = says { [[coroutine.resume(coroutine.running())]],
      [[coroutine.close(coroutine.running())]],
      [[coroutine.yield()]] }
    assert.matches("that is a task.-that is a task.-a task is no coroutine of yours", all)
  end)

  it("L3 sees no global of another, not by its tables either", function()
    local own <close> = folder()
    local SCRIPT = [[
local moonline = require "moonline"
local codes = require "codes"
moonline.on("call", function(call)
  local seen = shared or string.shared or moonline.shared or moonline.json.shared or codes.shared
  shared, string.shared, moonline.shared, moonline.json.shared, codes.shared = 486, 486, 486,
    486, 486
  call:reject(seen or %d)
end)
]]
    write(own.path .. "/codes.lua", "return {}")
    write(own.path .. "/one.lua", SCRIPT:format(410))
    write(own.path .. "/two.lua", SCRIPT:format(411))
    local s <close> = stage.open { numbers = {
      one = { script = own.path .. "/one.lua" }, two = { script = own.path .. "/two.lua" },
    } }
    local function ask(user)
      return (select(3, s:call { uri = s:uri(user) }))
    end
    assert.same({ 410, 411, 486, 486 }, { ask "one", ask "two", ask "one", ask "two" })
    s:quiet()
  end)

  it("L3 may do what Lua can where the configuration trusts it", function()
    local own <close> = folder()
    write(own.path .. "/line.lua", [[
mine = debug.getinfo(1, "S").source
require("moonline").on("call", function(call)
  assert(io.open(mine:sub(2))):close()
  local sys = require "moonline.core.sys"
  call:reject(sys.versions().version and _G.mine == mine and 410 or 411)
end)
]])
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" },
      script = { trusted = true } }
    assert.equal(410, (select(3, s:call())))
    s:quiet()
  end)
end)

describe("an endless script", function()
  it("L3 goes to its fallback, which is told of the error", function()
    local s <close> = take("call:answer() while true do end", nil, nil,
      { fallback_url = "/fallback" })
    s.web["/fallback"] = stage.twiml "<Redirect>/more</Redirect>"
    s.web["/more"] = stage.twiml ""
    local alice = assert(s:call())
    assert.equal("12400", s:request("/fallback").params.ErrorCode)
    s:request "/more"
    party.ended(alice)
    s:quiet()
  end)

  it("L3 refuses a ringing caller with 500", function()
    local s <close> = take "while true do end"
    local _, _, code = s:call()
    assert.equal(500, code)
    assert.matches("line.lua:%d+: stopped after 50 ms of CPU without waiting %(limits.resume_ms%)",
      s:warned(12400))
    s:quiet()
  end)

  it("L3 that waits for nothing again and again leaves the time to others", function()
    local s <close> = take [[
      if call.from:find "busy" then while true do moonline.sleep(0) end end
      call:reject(410)
    ]]
    local busy = s:begin { from = "busy" }
    moonline.sleep(0.5)
    assert.equal(410, (select(3, s:call { from = "other" })))
    busy:hangup()
    local before = os.clock()
    moonline.sleep(3)
    assert.is_true(os.clock() - before < 30) -- without a rest: minutes
  end)

  it("L3 ends by the limits of the configuration, and lives within them", function()
    local own <close> = folder()
    write(own.path .. "/line.lua", [[
require("moonline").on("call", function(call)
  local before, kept = os.clock(), ("x"):rep(30 << 20)
  while os.clock() - before < 0.15 do end
  call:reject(#kept > 0 and 410)
end)
]])
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" },
      limits = { resume_ms = 1000, resume_mb = 64 } }
    assert.equal(410, (select(3, s:call())))
    s:quiet()
  end)

  it("L3 has its own verb named", function()
    local own <close> = folder()
    write(own.path .. "/spin.lua", "return { run = function()\n  while true do end\nend }\n")
    local s <close> = stage.open { twiml = { verbs = { own.path } } }
    s.web["/voice"] = stage.twiml "<Pause length='1'/>\n<Spin/>"
    party.ended(assert(s:call()))
    assert.matches("/spin%.lua:2: stopped after .- %(in <Spin>, line 3%)$", s:warned(12400))
    s:quiet()
  end)

  for what, chunk in pairs {
    ["loops"] = "\nwhile true do end\n",
    ["loops in pcall"] = "\nwhile true do pcall(error) end\n",
    ["takes all memory"] = "\nlocal t = {} while true do t[#t + 1] = {} end\n",
    ["takes a large block"] = "\nlocal s = ('x'):rep(1 << 40)\n",
    ["matches for ever"] = "\nlocal _ = ('a'):rep(1e5):find(('.-'):rep(20) .. 'b')\n",
  } do
    it("L2 L3 that " .. what .. " while it is loaded is refused: file, line", function()
      local own <close> = folder()
      local path, verb = own.path .. "/line-1.lua", own.path .. "/spin.lua" -- no verb, and one
      write(path, "require('moonline').on('call', function(call) call:reject(410) end)")
      write(verb, "return { run = print }")
      local s <close> = stage.open { voice = { script = path }, twiml = { verbs = { own.path } } }
      for _, file in ipairs { verb, path } do
        local good = changing.read(file)
        change(s, file, chunk, "refused")
        assert.equal(file, health(s).refused.file)
        assert.equal(2, health(s).refused.line)
        assert.matches("stopped", health(s).refused.message)
        assert.equal(410, (select(3, s:call())))
        change(s, file, good)
        assert.is_nil(health(s).refused)
      end
      s:quiet()
    end)
  end
end)

describe("an error in a function that a script gave away", function()
  for what, fault in pairs { raises = "error 'mine'", loops = "while true do end" } do
    local pattern = what == "raises" and "mine" or "stopped"

    it("L3 in its web server that " .. what .. " is answered with 500", function()
      local own <close> = folder()
      write(own.path .. "/line.lua", ([[
local moonline = require "moonline"
local app = moonline.http.serve({}, function(request)
  if request.path == "/bad" then %s end
  return "good"
end)
moonline.on("call", function(call)
  local bad, good = moonline.http.get(app.url .. "/bad"), moonline.http.get(app.url .. "/good")
  call:reject(bad.status == 500 and good.status == 200 and 410 or 411)
end)
]]):format(fault))
      local s <close> = stage.open { voice = { script = own.path .. "/line.lua" } }
      assert.equal(410, (select(3, s:call())))
      s:quiet()
    end)

    it("L3 in a task or timer beside that " .. what .. " harms nobody", function()
      local s <close> = take(([[
        moonline.spawn(function() %s end)
        moonline.timer(0.5, function() %s end)
        call:answer()
        call:wait({}, 1)
        note "well"
      ]]):format(fault, fault))
      local alice = assert(s:call())
      assert.equal("well", notes(s, 1))
      party.ended(alice)
      s:quiet()
    end)

    it("L3 in a screen that " .. what .. " ends its call", function()
      local s <close> = take(("call:dial(KATE, { screen = function() %s end })"):format(fault),
        party.takes())
      party.ended(assert(s:call()))
      assert.matches(pattern, s:warned(12400))
      s:quiet()
    end)

    it("L3 in a handler of keys that " .. what .. " ends its call", function()
      local s <close> = take(([[
        call:answer()
        call:on("dtmf", function() %s end)
        call:gather { digits = 2 }
      ]]):format(fault))
      local alice = assert(s:call())
      scripted.keys(alice, "1")
      party.ended(alice)
      assert.matches(pattern, s:warned(12400))
      s:quiet()
    end)

    it("L3 in a hook that " .. what .. " is passed over", function()
      local own <close> = folder()
      write(own.path .. "/one.lua", ([[
        local moonline = require "moonline"
        moonline.hook("mine", function() %s end)
        moonline.hook("mine", function(call) return call.sid end)
        return { run = function(session)
          session:fetch("/note", { Said = session.hooks:fire("mine", session.call) })
        end }
      ]]):format(fault))
      local s <close> = stage.open { twiml = { verbs = { own.path } } }
      s.web["/voice"], s.web["/note"] = stage.twiml "<Gather timeout='1'/><One/>", stage.twiml ""
      party.ended(assert(s:call()))
      local params = s:request("/note").params
      assert.equal(params.CallSid, params.Said)
      s:quiet()
    end)

    it("L3 in a verb's check or source that " .. what .. " ends its call", function()
      local own <close> = folder()
      write(own.path .. "/one.lua",
        ("return { run = print, check = function() %s end }"):format(fault))
      write(own.path .. "/two.lua",
        ("return { run = print, source = function() %s end }"):format(fault))
      local s <close> = stage.open { twiml = { verbs = { own.path } } }
      s.web["/voice"] = stage.twiml "<One/>"
      assert.equal(500, (select(3, s:call())))
      assert.matches(pattern, s:warned(12400))
      s:quiet()
    end)
  end
end)

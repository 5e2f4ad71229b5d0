-- Generations: the policy and the users' files are loaded again under live calls. The policy of these
-- stories is a copy of the sources, so that it can be changed.
local lfs = require "lfs"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

-- A folder that is gone at the end of the test.
local function folder()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  return setmetatable({ path = path }, {
    __close = function() os.execute("rm -rf '" .. path .. "'") end,
  })
end

local function sources()
  local copy = folder()
  assert(os.execute(("cp -r '%s/moonline' '%s/'"):format(sys.lua_dir(), copy.path)))
  copy.outcome = copy.path .. "/moonline/dial/outcome.lua"
  copy.rule = read(copy.outcome)
  return copy
end

-- The rule for 486 becomes another one.
local function changed_rule(copy, word)
  local text, count = copy.rule:gsub('%[486%] = "busy"', ('[486] = "%s"'):format(word))
  assert.equal(1, count)
  return text
end

-- Waits until the server has told of such an event again.
local function told(s, kind, before)
  local limit = moonline.clock() + 3
  while #s:seen(kind) <= before do
    if moonline.clock() > limit then error("nothing was told of: " .. kind, 2) end
    moonline.sleep(0.02)
  end
  return s:seen(kind)[before + 1]
end

local function change(s, path, text, kind)
  local before = #s:seen(kind or "generation")
  write(path, text)
  return told(s, kind or "generation", before)
end

local function health(s)
  local response = assert(moonline.http.get("http://" .. s.server.http_address .. "/health"))
  return moonline.json.decode(response.body)
end

-- A server on that copy; kate refuses with 486 after some seconds of ringing.
local function open(copy, options)
  local s = stage.open(options, { lua = copy and copy.path })
  local kate = s:phone("kate", function(call) party.refuses(486, { ring = s.ring })(call) end)
  s.ring = 1
  s.web["/voice"] = stage.twiml(('<Dial action="/after"><Sip>%s</Sip></Dial>')
    :format(kate.address))
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local function verdict(s)
  return s:request("/after").params.DialCallStatus
end

-- How many generations there are, once those that can go are gone.
local function generations(s)
  local limit = moonline.clock() + 2
  local count
  repeat
    count = 0
    for _ in pairs(s.server.generations) do count = count + 1 end
    if count == 1 then return 1 end
    moonline.sleep(0.05)
  until moonline.clock() > limit
  return count
end

describe("a changed policy", function()
  it("L2 a running call ends by the rule it began with, the next by the new one", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    s.ring = 10
    local alice = assert(s:call())
    s:request "/voice"
    moonline.sleep(2)
    local began = moonline.clock()
    local event = change(s, copy.outcome, changed_rule(copy, "no-answer"))
    assert.is_true(moonline.clock() - began <= 1)
    assert.equal(2, generations(s)) -- the old one has a call
    assert.equal("busy", verdict(s))
    party.ended(alice)
    s.ring = 1
    local again = assert(s:call())
    assert.equal("no-answer", verdict(s))
    party.ended(again)
    s:quiet()
    assert.equal(1, generations(s))
    assert.equal(event.generation, health(s).generation)
  end)

  it("L2 calls of two generations run side by side, each by its own rule", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    s.ring = 8
    local first = assert(s:call())
    s:request "/voice"
    moonline.sleep(1)
    change(s, copy.outcome, changed_rule(copy, "failed"))
    s.ring = 2
    local second = assert(s:call())
    assert.equal("failed", verdict(s))
    party.ended(second)
    assert.equal(2, generations(s))
    assert.equal("busy", verdict(s))
    party.ended(first)
    s:quiet()
    assert.equal(1, generations(s))
  end)

  for _, case in ipairs {
    { "does not compile", "local outcome = {}\n\nreturn outcome outcome\n", 3 },
    { "raises", "local outcome = {}\nerror 'not today'\n", 2 },
  } do
    it("L2 a file that " .. case[1] .. " is refused with file and line; all goes on", function()
      local copy <close> = sources()
      local s <close> = open(copy)
      s.ring = 4
      local alice = assert(s:call())
      s:request "/voice"
      local generation = health(s).generation
      assert.is_nil(health(s).refused)
      change(s, copy.outcome, case[2], "refused")
      local state = health(s)
      assert.equal("degraded", state.status)
      assert.equal(generation, state.generation)
      assert.equal(copy.outcome, state.refused.file)
      assert.equal(case[3], state.refused.line)
      assert.is_true(#state.refused.message > 0)
      assert.is_number(state.refused.at)
      assert.equal("busy", verdict(s)) -- the call that ran
      party.ended(alice)
      local again = assert(s:call())
      assert.equal("busy", verdict(s)) -- and a new one
      party.ended(again)
      assert.equal(1, generations(s))
      change(s, copy.outcome, changed_rule(copy, "no-answer"))
      state = health(s)
      assert.equal("ok", state.status)
      assert.is_nil(state.refused)
      local last = assert(s:call())
      assert.equal("no-answer", verdict(s))
      party.ended(last)
      s:quiet()
    end)
  end

  it("L2 every file of the policy is read at once: none is met in a later state", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    for _, name in ipairs { "dial/ring", "dial/screen", "dial/init", "webhook/status",
      "verbs/dial", "nouns/sip", "rest/health", "twiml/session" } do
      local path = copy.path .. "/moonline/" .. name .. ".lua"
      local whole = read(path)
      local event = change(s, path, "this is no Lua\n", "refused")
      assert.matches(path .. ":1:", event.text, 1, true)
      change(s, path, whole)
    end
    local alice = assert(s:call())
    assert.equal("busy", verdict(s))
    party.ended(alice)
    s:quiet()
  end)

  it("L2 SIGHUP loads again; so does a change within one second, once for many files", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    local before = #s:seen "generation"
    s.server.box:post { kind = "signal", name = "HUP" }
    told(s, "generation", before)
    before = #s:seen "generation"
    for i = 1, 3 do
      write(copy.path .. "/moonline/dial/plan.lua", read(copy.path .. "/moonline/dial/plan.lua"))
      write(copy.outcome, changed_rule(copy, i == 3 and "failed" or "no-answer"))
      moonline.sleep(0.1)
    end
    told(s, "generation", before)
    moonline.sleep(1)
    assert.equal(before + 1, #s:seen "generation")
    local alice = assert(s:call())
    assert.equal("failed", verdict(s))
    party.ended(alice)
    s:quiet()
  end)

  it("L2 what editors leave behind is no change", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    local before = #s:seen "generation" + #s:seen "refused"
    write(copy.path .. "/moonline/dial/outcome.lua~", "no Lua")
    write(copy.path .. "/moonline/dial/.outcome.lua.swp", "no Lua")
    moonline.sleep(1.5)
    assert.equal(before, #s:seen "generation" + #s:seen "refused")
  end)

  it("L2 generations and memory come back to where they were", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    local function call()
      local alice = assert(s:call())
      verdict(s)
      party.ended(alice)
      s:quiet()
      assert.equal(1, generations(s))
    end
    call()
    local memory = s.server.generation:memory()
    collectgarbage()
    collectgarbage()
    local handles = sys.counts().generation
    for i = 1, 12 do
      change(s, copy.outcome, changed_rule(copy, i % 2 == 0 and "failed" or "no-answer"))
      if i % 4 == 0 then call() end
    end
    call()
    moonline.sleep(0.5)
    collectgarbage()
    collectgarbage()
    assert.equal(handles, sys.counts().generation)
    assert.is_true(s.server.generation:memory() < 1.3 * memory)
    assert.equal(0, s.server.generation:tasks())
  end)

  it("L2 the end of the process reaches the calls of every generation", function()
    local copy <close> = sources()
    local s <close> = open(copy)
    s.ring = 60
    local first = assert(s:call())
    s:request "/voice"
    moonline.sleep(1)
    change(s, copy.outcome, changed_rule(copy, "failed"))
    local second = assert(s:call())
    s:request "/voice"
    moonline.sleep(1)
    s.server.box:post { kind = "signal", name = "TERM" }
    moonline.sleep(1)
    assert.equal(2, generations(s))
    assert.is_nil(first.box:wait({ "ended" }, 0))
    s.server.box:post { kind = "signal", name = "TERM" }
    party.ended(first, 2)
    party.ended(second, 2)
  end)
end)

describe("a user's files", function()
  local SCRIPT = [[
local moonline = require "moonline"
moonline.on("call", function(call)
  call:answer()
  call:wait({}, %d)
  call:reject(%d)
end)
]]

  -- A script that refuses with a code after some seconds of waiting.
  local function script(seconds, code)
    return (SCRIPT:format(seconds, code):gsub("  call:answer%(%)\n", ""))
  end

  local function ask(s)
    local _, _, code = s:call()
    return code
  end

  it("L2 a script is loaded again; the call that runs keeps its own", function()
    local own <close> = folder()
    local path = own.path .. "/line.lua"
    write(path, script(5, 410))
    local s <close> = stage.open { voice = { script = path } }
    local alice = s:begin()
    assert.is_table(party.hears(alice, "ringing"))
    change(s, path, script(0, 411))
    assert.equal(411, ask(s))
    assert.equal(410, party.ended(alice).code)
    s:quiet()
    assert.equal(1, generations(s))
  end)

  for _, case in ipairs {
    { "does not compile", "local x = \n = 3\n", 2, "unexpected symbol" },
    { "raises", "\n\nerror 'no'\n", 3, "no" },
    { "takes no calls", "local x = 1\nreturn x\n", 1, "takes no calls" },
    { "waits where nothing may wait", "require('moonline').sleep(1)\n", 1, "not inside a task" },
  } do
    it("L2 a script that " .. case[1] .. " is refused: file, line, and nothing changes", function()
      local own <close> = folder()
      local path = own.path .. "/line.lua"
      write(path, script(0, 410))
      local s <close> = stage.open { voice = { script = path } }
      change(s, path, case[2], "refused")
      local refused = health(s).refused
      assert.equal(path, refused.file)
      assert.equal(case[3], refused.line)
      assert.matches(case[4], refused.message)
      assert.equal(410, ask(s))
      change(s, path, script(0, 411))
      assert.equal(411, ask(s))
      assert.is_nil(health(s).refused)
      s:quiet()
    end)
  end

  it("L2 V4 a verb of the user's is loaded again, and a broken one is refused", function()
    local own <close> = folder()
    local path = own.path .. "/turn.lua"
    local function verb(reason)
      return ("return { run = function(session) session.call:reject '%s' end }\n"):format(reason)
    end
    write(path, verb "busy")
    local s <close> = stage.open { twiml = { verbs = { own.path } } }
    s.web["/voice"] = stage.twiml "<Turn/>"
    assert.equal(486, ask(s))
    change(s, path, verb "rejected")
    assert.equal(603, ask(s))
    change(s, path, "return { run = 3 }\n", "refused")
    assert.equal(603, ask(s))
    write(own.path .. "/other.lua", "return {")
    change(s, path, verb "busy", "refused")
    assert.equal(own.path .. "/other.lua", health(s).refused.file)
    os.remove(own.path .. "/other.lua")
    s.server:reload()
    assert.equal(486, ask(s))
    s:quiet()
  end)

  it("L2 a verb that is new, or gone, is noticed", function()
    local own <close> = folder()
    local s <close> = stage.open { twiml = { verbs = { own.path } } }
    s.web["/voice"] = stage.twiml "<Turn/><Reject reason='busy'/>"
    assert.equal(486, ask(s))
    change(s, own.path .. "/turn.lua",
      "return { run = function(session) session.call:reject(410) end }\n")
    assert.equal(410, ask(s))
    local before = #s:seen "generation"
    os.remove(own.path .. "/turn.lua")
    told(s, "generation", before)
    assert.equal(486, ask(s))
    s:quiet()
  end)

  it("L2 a document of voice.twiml is loaded again, and a broken one is refused", function()
    local own <close> = folder()
    local path = own.path .. "/line.xml"
    write(path, stage.twiml '<Reject reason="busy"/>')
    local s <close> = stage.open { voice = { twiml = path } }
    assert.equal(486, ask(s))
    change(s, path, stage.twiml "<Reject/>")
    assert.equal(603, ask(s))
    change(s, path, "<Response>\n<Reject>", "refused")
    assert.equal(path, health(s).refused.file)
    assert.equal(2, health(s).refused.line)
    assert.equal(603, ask(s))
    s:quiet()
  end)

  it("L2 what a script does in the background ends with its generation", function()
    local own <close> = folder()
    local path = own.path .. "/line.lua"
    local BACKGROUND = [[
local moonline = require "moonline"
moonline.spawn(function()
  while true do
    moonline.sleep(1)
    moonline.http.get "%s/tick?of=%d"
  end
end)
moonline.timer(3600, function() end)
moonline.http.serve({}, function() return "hello" end)
moonline.hook("call/ended", function() end)
moonline.on("call", function(call) call:reject(410) end)
]]
    local s
    local function ticks(of)
      local count = 0
      for _, request in ipairs(s:requests_to "/tick") do
        if request.params.of == of then count = count + 1 end
      end
      return count
    end
    s = stage.open(function(url)
      s = { url = url }
      write(path, BACKGROUND:format(url, 1))
      return { voice = { script = path } }
    end)
    local _ <close> = s
    s.web["/tick"] = ""
    moonline.sleep(3.5)
    assert.equal(3, ticks "1")
    change(s, path, BACKGROUND:format(s.app.url, 2))
    assert.equal(1, generations(s))
    local so_far = ticks "1"
    moonline.sleep(3.5)
    assert.equal(so_far, ticks "1")
    assert.is_true(ticks "2" >= 3)
    s:quiet()
  end)

  it("L2 a script that began something and then failed leaves nothing behind", function()
    local own <close> = folder()
    local path = own.path .. "/line.lua"
    write(path, script(0, 410))
    local s <close> = stage.open { voice = { script = path } }
    for _ = 1, 3 do
      change(s, path, [[
local moonline = require "moonline"
moonline.spawn(function() moonline.sleep(0.1) end)
moonline.timer(1, function() end)
moonline.http.serve({}, function() end)
error "and then this"
]], "refused")
      assert.equal(5, health(s).refused.line)
      moonline.sleep(1.2)
      write(path, script(0, 410))
      moonline.sleep(1.2)
    end
    assert.equal(410, ask(s))
    s:quiet()
  end)
end)

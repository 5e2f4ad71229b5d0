-- Generations: the policy is loaded again under live calls. That of these stories is a copy of the
-- sources, so that it can be changed.
local changing = require "support.changing"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local read, write, folder, told, change, health, generations =
  changing.read, changing.write, changing.folder, changing.told,
  changing.change, changing.health, changing.generations

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

-- Generations: scripts, verbs and documents of users are loaded again under live calls.
local changing = require "support.changing"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local write, folder, told, change, health, generations =
  changing.write, changing.folder, changing.told, changing.change,
  changing.health, changing.generations

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

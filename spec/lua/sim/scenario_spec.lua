-- Files of scenarios: what they may say, what is wrong with others, and stages that play many.
local process = require "support.process"
local scenario = require "moonline.sim.scenario"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local folder

local function read(text)
  return scenario.read(process.write(folder .. "/one_test.lua", text))
end

local function refused(text, wanted)
  local list, why = read(text)
  assert.is_nil(list)
  assert.equal(("%s/one_test.lua:%s"):format(folder, wanted), why)
end

describe("scenario.read", function()
  setup(function() folder = process.folder() end)
  teardown(function() process.remove(folder) end)

  it("gives the scenarios of a file, in their order", function()
    local list = assert(read [[
local hello = "<Say>Hello.</Say>"
scenario "one" { text = hello }
scenario "two" { text = hello, seed = 5, phones = { kate = { rings = { 1, 2 } } } }]])
    assert.equal("one", list[1].name)
    assert.equal(1, list[1].seed)
    assert.equal(3, list[2].line)
    assert.same({ rings = { 1, 2 } }, list[2].phones.kate)
  end)

  it("says where a file is wrong, and how to mend it", function()
    refused('\nscenario "a" { txet = "" }',
      '2: scenario "a": a scenario has no txet (did you mean text?)')
    refused('scenario "a" { text = 5 }', '1: scenario "a": a scenario: text is a string')
    refused('scenario "a" { }',
      '1: scenario "a": document, text, script or url is needed: what the call runs')
    refused('scenario "a" { text = "", url = "" }', '1: scenario "a": text and url: one of them')
    refused('scenario "a" { document = "b.xml" }', '1: scenario "a": there is no file b.xml')
    refused('scenario "a" { text = "", phones = { bob = { ring = 3 } } }',
      '1: scenario "a": bob: a phone has no ring (did you mean rings?)')
    refused('scenario "a" { text = "", phones = { bob = { rings = { 3, 1 } } } }',
      '1: scenario "a": bob: a phone: rings is a number of seconds, or { least, most }')
    refused('scenario "a" { text = "", phones = { bob = { holds = {} } } }',
      '1: scenario "a": bob: holds: after is a number of seconds, or { least, most }')
    refused('scenario "a" { text = "", pages = { after = "" } }',
      '1: scenario "a": pages: "after" is no path (did you mean "/after"?)')
    refused('scenario "a" { text = "", pages = { ["/after"] = { stauts = 3 } } }',
      '1: scenario "a": the page /after has no stauts (did you mean status?)')
    local _, why = read 'scenario "a" { text = "", config = { dail = {} } }'
    assert.matches("one_test.lua:1: scenario \"a\": .*dail.*did you mean dial%?", why)
    refused("-- nothing", " no scenario in it")
    refused("scenario {", "1: unexpected symbol near <eof>")
    _, why = scenario.read(folder .. "/none_test.lua")
    assert.matches("there is no file .*none_test.lua", why)
  end)

  it("reads phones from a file beside it", function()
    process.write(folder .. "/phones.lua", 'kate { busy = true } phone "+15550100" { code = 404 }')
    local list = assert(read 'scenario "a" { text = "", phones = "phones.lua" }')
    assert.is_true(list[1].phones.kate.busy)
    assert.equal(404, list[1].phones["+15550100"].code)
    refused('scenario "a" { text = "", phones = "phone.lua" }',
      '1: scenario "a": there is no file phone.lua')
  end)
end)

describe("scenario.play", function()
  local TEXT = [[scenario "a" {
    text = '<Dial action="/after"><Sip>sip:kate@example.com</Sip></Dial>',
    phones = { kate = { rings = { 1, 5 }, hangs_up_after = { 1, 9 } } }, listen = 0,
    expect = function(seen)
      seen.web:asked("/after", { DialCallStatus = "completed" }, { times = 1 })
    end,
  }]]

  setup(function() folder = process.folder() end)
  teardown(function() process.remove(folder) end)

  it("plays many on one stage, and leaves nothing", function()
    local one = assert(read(TEXT))[1]
    local function play(stage, from, to)
      for seed = from, to do
        local result <close> = assert(scenario.play(one, { stage = stage, seed = seed }))
        local why = scenario.check(one, result)
        assert.is_nil(why, tostring(why))
        assert.is_nil(result.problem)
        assert.equal("completed", result.calls[1].status)
      end
    end
    local function counts()
      task.sleep(60) -- virtual: finished transactions live 32 s
      collectgarbage()
      collectgarbage()
      return sys.counts()
    end
    local stage <close> = assert(scenario.stage(one))
    play(stage, 1, 20)
    local before = counts()
    play(stage, 21, 60)
    local after = counts()
    for name, count in pairs(after) do
      local more = count - (before[name] or 0)
      -- what the heap of the policy has not collected yet is little, and the same for any number
      assert.is_true(more <= (name == "blocks" and 100 or 10), ("%d more %s"):format(more, name))
    end
  end)

  it("gives the same ladder for the same seed on one stage, whatever was played before", function()
    local one = assert(read(TEXT))[1]
    local gone = assert(read [[scenario "a" {
      text = '<Dial action="/after"><Sip>sip:kate@example.com</Sip></Dial>', listen = 0,
      phones = { kate = { vanishes_after = 2 }, caller = { hangs_up_after = 9 } } }]])[1]
    local stage <close> = assert(scenario.stage(one))
    local ladder
    for _ = 1, 3 do
      local result <close> = assert(scenario.play(one, { stage = stage, seed = 5 }))
      ladder = ladder or result:ladder()
      assert.equal(ladder, result:ladder())
      local other <close> = assert(scenario.play(gone, { stage = stage }))
      assert.is_nil(other.trouble)
    end
  end)

  it("tells what can share a stage", function()
    local function place(more)
      return scenario.place(read(('scenario "a" { text = "<Hangup/>", %s }'):format(more))[1])
    end
    assert.equal(place "", place "seed = 3, phones = { kate = {} }")
    assert.are_not.equal(place "", place "config = { dial = { several = true } }")
    assert.are_not.equal(place "", place "phones = { kate = { registers = true } }")
  end)

  it("tells of an error beside the call, and of one in what is expected", function()
    local list = assert(read [[
scenario "beside" { text = "<Hangup/>", during = function(live)
  live:wait("bridged", nil, 5)
end }
scenario "expected" { text = "<Hangup/>", expect = function(seen)
  seen.web.nothing()
end }]])
    for i, wanted in ipairs { "one_test.lua:2: no bridged within 5 s",
      "one_test.lua:5: attempt to call a nil value %(field 'nothing'%)" } do
      local result <close> = assert(scenario.play(list[i]))
      local why = scenario.check(list[i], result)
      assert.matches(wanted, ("%s:%s: %s"):format(why.file, why.line, why))
    end
  end)
end)

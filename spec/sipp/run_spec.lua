-- moonline run, as a process.
local json = require "dkjson"
local process = require "support.process"

local folder

local function run(...)
  local one <close> = process.start({ process.moonline, "run", ... }, { directory = folder })
  return one:exit(), one:out(), one:err()
end

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

describe("moonline run", function()
  setup(function()
    folder = process.folder()
    local function file(name, text) process.write(folder .. "/" .. name, text) end
    file("menu.xml", [[
<Response>
  <Gather numDigits="1" action="/chosen"><Say>Press 1 for Kate.</Say></Gather>
  <Say>Nothing was pressed.</Say>
</Response>]])
    file("chosen.xml", [[
<Response><Dial action="https://myapp.com/after"><Sip>kate@example.com</Sip></Dial></Response>]])
    file("presses.lua", [[caller { presses = { ["Press 1"] = "1" } }
      kate { rings = 3, hangs_up_after = 10 }]])
    file("busy.lua", [[caller { presses = { ["Press 1"] = "1" } } kate { busy = true }]])
    file("script.lua", [[
      require("moonline").on("call", function(call)
        call:answer()
        local kate <close>, why = call:dial("sip:kate@10.0.0.7")
        if kate then call:bridge(kate) else call:say("Sorry: " .. why) end
      end)]])
    file("broken.xml", "<Response><Say>Hello</Response>")
    file("hour.xml", '<Response><Pause length="3600"/></Response>')
  end)
  teardown(function() process.remove(folder) end)

  it("draws the ladder of a call, and the timeline of its verbs", function()
    local status, out = run("menu.xml", "--phones", "presses.lua")
    assert.equal(0, status)
    has(out, "INVITE sip:kate@example.com")
    has(out, 'says "Press 1 for Kate."')
    has(out, "DTMF 1")
    has(out, "POST /after (action)")
    assert.matches("13%.%d+ s  <Dial> line 1  completed %(200%), POST /after, 200\n", out)
    assert.is_nil(out:find "Nothing was pressed")
  end)

  it("goes on as the phones do: nothing pressed, a busy party", function()
    local status, out = run "menu.xml"
    assert.equal(0, status)
    has(out, 'says "Nothing was pressed."')
    status, out = run("menu.xml", "--phones", "busy.lua")
    assert.equal(0, status)
    has(out, "486 Busy Here (INVITE)")
    has(out, "busy (486)")
  end)

  it("runs a script, against a party that no file describes", function()
    local status, out = run "script.lua"
    assert.equal(0, status)
    assert.matches("\n +6%.000 [^\n]*BYE\n", out)
  end)

  it("prints one JSON document, the same for the same seed, with no real port in it", function()
    local function printed(...)
      return select(2, run("menu.xml", "--phones", "presses.lua", "--json", ...))
    end
    local out, again = printed(), printed()
    assert.equal(out, again)
    local all = json.decode(out)
    assert.is_true(all.summary.ok)
    assert.equal("Gather", all.summary.verbs[1].verb)
    assert.equal(0, all.events[1].time)
    assert.is_nil(out:find("127.0.0.1:", 1, true))
    assert.are_not.equal(out, printed("--seed", "2"))
  end)

  it("says what is wrong with a document, a file of phones, and the command line", function()
    local status, out = run "broken.xml"
    assert.equal(1, status)
    assert.matches("warning 12100: http://app.example/broken.xml:1:", out)
    process.write(folder .. "/odd.lua", "bob { ringss = 3 }")
    local refused, _, why = run("menu.xml", "--phones", "odd.lua")
    assert.equal(1, refused)
    has(why, "odd.lua:1: bob: a phone has no ringss (did you mean rings?)")
    refused, _, why = run "nothing.xml"
    assert.equal(1, refused)
    has(why, "there is no file nothing.xml")
  end)

  it("takes an hour in less than a second", function()
    local status, out = run "hour.xml"
    assert.equal(0, status)
    has(out, "3600.000 s  <Pause>")
  end)
end)

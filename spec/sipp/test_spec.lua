-- moonline test, as a process: what it prints, and how it ends.
local json = require "dkjson"
local process = require "support.process"
local xml = require "moonline.core.xml"

local folder

local function run(...)
  local one <close> = process.start({ process.moonline, "test", ... }, { directory = folder })
  return one:exit(), one:out(), one:err()
end

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

local GOOD = [[
scenario "it says hello" {
  text = "<Say>Hello.</Say>",
  expect = function(seen) seen.caller:heard("Hello.", { whole = true }) end,
}
]]

local BAD = [[
local DIAL = '<Dial action="/after"><Sip>kate@example.com</Sip></Dial>'
local function failing(name, expect)
  scenario(name) { text = DIAL, phones = { kate = { busy = true } }, expect = expect }
end
failing("message", function(seen)
  seen.kate:got("INVITE", { ["X-Desk"] = "4" })
end)
failing("request", function(seen)
  seen.web:asked("/after", { DialCallStatus = "completed" })
end)
failing("time", function(seen) seen.web:asked("/after", nil, { at = 30 }) end)
failing("count", function(seen) seen.web:asked("/after", nil, { times = 2 }) end)
failing("speech", function(seen) seen.caller:heard "Goodbye." end)
failing("tone", function(seen) seen.caller:heard { tone = 1000 } end)
failing("silence", function(seen) seen.caller:heard { silence = 600 } end)
failing("status", function(seen) seen:dialled "completed" end)
failing("call", function(seen) seen.caller:ended "failed" end)
failing("party", function(seen) seen.kat:got "INVITE" end)
failing("never", function(seen) seen.kate:never_got "INVITE" end)
failing("order", function(seen)
  seen:in_order(seen.web:asked "/after", seen.kate:got "INVITE")
end)
failing("within", function(seen)
  seen:within(0.5, seen.kate:got "INVITE", seen.web:asked "/after")
end)
failing("warning", function(seen) seen:warned(13214) end)
]]

-- What must be in the failures of BAD.
local FAILURES = {
  message = { "bad_test.lua:6: kate got", "expected: INVITE with X-Desk = 4",
    "actual:   INVITE with no X-Desk at 0.020 s" },
  request = { "bad_test.lua:9: the web application asked",
    "expected: /after with DialCallStatus = completed",
    "actual:   POST /after with DialCallStatus = busy at 1.020 s" },
  time = { "expected: /after at 30 s", "actual:   POST /after at 1.020 s" },
  count = { "expected: 2 times /after", "actual:   1 times" },
  speech = { 'expected: "Goodbye."', "actual:   nothing was said to it" },
  tone = { "expected: 0.2 s of 1000 Hz", "actual:   0.00 s of it" },
  silence = { "expected: 600 s of silence" },
  status = { "expected: completed", "actual:   busy (486)" },
  call = { "expected: failed", "actual:   completed" },
  party = { "there is no party kat (did you mean kate?)" },
  never = { "kate never got", "expected: no INVITE", "actual:   at 0.020 s" },
  order = { "expected: POST /after before INVITE" },
  within = { "expected: POST /after at most 0.5 s after INVITE", "actual:   1.000 s" },
  warning = { "expected: 13214", "actual:   none" },
}

describe("moonline test", function()
  setup(function()
    folder = process.folder()
    process.write(folder .. "/good_test.lua", GOOD)
    process.write(folder .. "/bad_test.lua", BAD)
  end)
  teardown(function() process.remove(folder) end)

  it("prints a dot for what passes, and ends with 0", function()
    local status, out = run "good_test.lua"
    assert.equal(0, status)
    assert.equal(".\n1 passed, 0 failed\n", out)
    status, out = run("good_test.lua", "--output", "names")
    assert.equal(0, status)
    assert.equal("ok     it says hello\n1 passed, 0 failed\n", out)
  end)

  it("tells of each failure its line, what was expected, what there was, and the ladder", function()
    local status, out = run "bad_test.lua"
    assert.equal(1, status)
    has(out, ("F"):rep(14) .. "\n")
    has(out, "\n0 passed, 14 failed\n")
    for name, lines in pairs(FAILURES) do
      local own = out:match(("FAILED %s %%(bad_test.*"):format(name))
      own = own:sub(1, (own:find("\nFAILED", 2, true) or #own))
      for _, line in ipairs(lines) do has(own, line) end
      has(own, "486 Busy Here (INVITE)")
    end
  end)

  it("plays what --filter names, and the files of a folder", function()
    local _, out = run(".", "--filter", "hello")
    assert.equal(".\n1 passed, 0 failed\n", out)
    local status, _, why = run("--filter", "nothing of that name")
    assert.equal(1, status)
    has(why, 'no scenario has "nothing of that name" in its name')
  end)

  it("writes JUnit and JSON", function()
    local path = folder .. "/junit.xml"
    local status = run("--junit", path)
    assert.equal(1, status)
    local text = process.read(path)
    assert(xml.parse(text))
    has(text, '<testsuite name="moonline" tests="15" failures="14">')
    has(text, '<failure message="kate got">')
    has(text, "expected: INVITE with X-Desk = 4")
    local _, out = run("--output", "json")
    local all = json.decode(out)
    assert.equal(1, all.passed)
    assert.equal(14, all.failed)
    assert.equal("INVITE with X-Desk = 4", all.scenarios[1].failure.expected)
    assert.equal(6, all.scenarios[1].failure.line)
  end)

  it("writes the events: for the same seed the same bytes", function()
    local function events(...)
      run("good_test.lua", "--events", folder .. "/events", ...)
      return process.read(folder .. "/events")
    end
    local first = events()
    assert.is_table(json.decode(first:match("^[^\n]*")))
    assert.equal(first, events())
    assert.are_not.equal(first, events("--seed", "2"))
    assert.equal(first .. events("--seed", "2"), events("--seeds", "2"))
  end)

  it("compares ladders with those that are kept, which --update writes", function()
    process.write(folder .. "/ladder_test.lua",
      'scenario "drawn" { text = "<Hangup/>", ladder = "drawn.txt" }')
    local status, out = run "ladder_test.lua"
    assert.equal(1, status)
    has(out, "there is no ladder ./drawn.txt (moonline test --update writes it)")
    assert.equal(0, (run("ladder_test.lua", "--update")))
    assert.equal(0, (run "ladder_test.lua"))
    process.write(folder .. "/ladder_test.lua",
      'scenario "drawn" { text = "<Reject/>", ladder = "drawn.txt" }')
    status, out = run "ladder_test.lua"
    assert.equal(1, status)
    has(out, "the ladder is another one (moonline test --update takes it over)")
    has(out, "<Hangup> (line 1)")
    os.remove(folder .. "/ladder_test.lua")
  end)

  it("says what is wrong with a file, and with the command line", function()
    process.write(folder .. "/odd.lua", '\nscenario "a" { txet = "" }')
    local status, _, why = run "odd.lua"
    assert.equal(1, status)
    has(why, 'odd.lua:2: scenario "a": a scenario has no txet (did you mean text?)')
    status, _, why = run "none.lua"
    assert.equal(1, status)
    has(why, "there is no file none.lua")
    status, _, why = run("good_test.lua", "--seed", "many")
    assert.equal(2, status)
    has(why, "many")
  end)

  it("asks a web application that runs beside it", function()
    process.write(folder .. "/web.lua", [[
      local moonline = require "moonline"
      local app = assert(moonline.http.serve({ port = tonumber(arg[1]) }, function(request)
        local r = moonline.twiml.response()
        if request.path == "/voice" then r:redirect("/next?from=" .. request.params.CallStatus) end
        if request.path == "/next" then r:say("From another process.") end
        return r
      end))
      print("listens at " .. app.url)]])
    local port = process.port "tcp"
    local web <close> = process.start({ process.moonline, "web.lua", tostring(port) },
      { directory = folder })
    web:await "listens at"
    process.write(folder .. "/web_test.lua", ([[
      scenario "beside" { url = "http://127.0.0.1:%d/voice", expect = function(seen)
        seen.web:asked("/voice", { CallStatus = "ringing" })
        seen.web:asked("/next", { from = "ringing" })
        seen.caller:heard("From another process.", { whole = true })
      end }]]):format(port))
    local status, out = run "web_test.lua"
    os.remove(folder .. "/web_test.lua")
    assert.equal(".\n1 passed, 0 failed\n", out)
    assert.equal(0, status)
  end)

  it("plays in real time with the same ladders but for the times", function()
    local one <close> = process.start({ process.moonline, "test", "--real-time", "--filter",
      "S13 4", "dial_test.lua" }, { directory = process.root .. "/spec/sim" })
    assert.equal(0, one:exit())
    assert.equal("..\n2 passed, 0 failed\n", one:out())
  end)
end)

describe("moonline new app", function()
  setup(function() folder = process.folder() end)
  teardown(function() process.remove(folder) end)

  local function new(...)
    local one <close> = process.start({ process.moonline, "new", "app", ... },
      { directory = folder })
    return one:exit(), one:out(), one:err()
  end

  it("writes a project whose tests pass", function()
    local status, out = new "shop"
    assert.equal(0, status)
    for _, name in ipairs { "README.md", "menu.xml", "menu.lua", "phones.lua", "menu_test.lua" } do
      has(out, "shop/" .. name)
      assert.is_true(#process.read(("%s/shop/%s"):format(folder, name)) > 50)
    end
    status, out = run "shop"
    assert.equal(0, status)
    has(out, "....\n4 passed, 0 failed\n")
  end)

  it("overwrites nothing, and takes no odd names", function()
    local status, _, why = new "shop"
    assert.equal(1, status)
    has(why, "is there already")
    status, _, why = new "my shop"
    assert.equal(2, status)
    has(why, '"my shop" is no name of a folder')
  end)
end)

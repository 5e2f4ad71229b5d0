-- The commands that talk to a running server.
local json = require "dkjson"
local moonline = require "moonline"
local party = require "support.party"
local process = require "support.process"
local served = require "support.served"

local ACCOUNT, TOKEN = "AC" .. ("7"):rep(32), "its token"

describe("a running server", function()
  local server, kate, folder

  setup(function()
    folder = process.folder()
    server = served.start { "--set", "account_sid=" .. ACCOUNT, "--set", "auth_token=" .. TOKEN }
    kate = assert(moonline.agent())
  end)
  teardown(function()
    kate:close()
    server:close()
    process.remove(folder)
  end)
  before_each(function() server:fresh() end)

  -- A command with credentials; token: another one; input: its standard input.
  local function command(words, token, input)
    return process.start({ process.moonline, table.unpack(words) }, { directory = folder,
      input = input,
      environment = { MOONLINE_URL = server.url, MOONLINE_ACCOUNT_SID = ACCOUNT,
        MOONLINE_AUTH_TOKEN = token or TOKEN } })
  end

  -- Runs one to its end, which is good.
  local function does(...)
    local one <close> = command { ... }
    assert.equal(0, one:exit(), one:said())
    return one:out()
  end

  -- Runs one to its end: status, stdout, stderr.
  local function run(...)
    local one <close> = command { ... }
    return one:exit(), one:out(), one:err()
  end

  local function calls()
    return json.decode(does("calls", "--json", "--status", "in-progress"))
  end

  it("places a call, shows how it goes, redirects it and hangs it up", function()
    kate:on("call", party.takes { ring = 0.1 })
    server.web["/answered"] = '<Response><Pause length="60"/></Response>'
    server.web["/other"] = '<Response><Pause length="60"/></Response>'
    local placed <close> = command { "call", kate:uri "kate", "--from", "desk", "--twiml",
      server.app.url .. "/answered" }
    local sid = placed:await "(CA%x+)  queued\n"
    placed:await "in%-progress\n"
    assert.equal(sid, server:request("/answered").params.CallSid)
    assert.equal(sid, calls()[1].sid)
    assert.matches("status +in%-progress\n", does("show", sid))
    does("redirect", sid, server.app.url .. "/other")
    assert.equal(sid, server:request("/other").params.CallSid)
    does("hangup", sid)
    assert.equal(0, placed:exit(), placed:said())
    assert.matches("completed\n$", placed:out())
    assert.equal("[]\n", does("calls", "--json", "--status", "in-progress"))
  end)

  it("shows what a call does while it rings and talks", function()
    kate:on("call", party.takes { ring = 0.3 })
    process.write(folder .. "/says.xml", '<Response><Say>Hello</Say><Play digits="1"/></Response>')
    local said = does("call", kate:uri "kate", "--twiml", "says.xml")
    local words = {}
    for line in said:gmatch "\n +%d+%.%d  ([^\n]+)" do words[#words + 1] = line end
    assert.same({ "initiated", "ringing", "in-progress", "<Say> (line 1)", "says: Hello",
      "<Play> (line 1)", "plays the keys 1", "completed" }, words)
    local lines, kinds = does("call", kate:uri "kate", "--twiml", "says.xml", "--json"), {}
    for line in lines:gmatch "[^\n]+" do
      local one = assert(json.decode(line))
      local detail = one.status or one.name or ""
      kinds[#kinds + 1] = one.kind and one.kind .. " " .. detail or detail
    end
    assert.equal("queued", kinds[1])
    assert.equal("completed", kinds[#kinds])
    assert.matches("status ringing.*status in%-progress.*verb Say.*verb Play",
      table.concat(kinds, " "))
  end)

  it("runs Lua in the server: console, piped", function()
    local one <close> = command({ "console" }, nil,
      "1 + 1\nfor i = 1, 2 do\nprint(i)\nend\nx = 7\nx\n")
    assert.equal(0, one:exit(), one:said())
    assert.equal("2\n1\n2\n7\n", one:out())
    local bad <close> = command({ "console" }, nil,
      'error "oh"\nreturn "after"\nwhile true do end\n(')
    assert.equal(1, bad:exit())
    assert.equal('"after"\n', bad:out())
    assert.equal("moonline: console:1: oh\nmoonline: console:1: stopped after 50 ms of CPU without "
      .. "waiting (limits.resume_ms)\nmoonline: console:1: unexpected symbol near <eof>\n",
      bad:err())
    local told <close> = command({ "console", "--json" }, nil, "return {1}, nil")
    assert.equal(0, told:exit())
    assert.matches('"values":%[%[1%],null%]', told:out())
    local refused <close> = command({ "console" }, "guess", "1")
    assert.equal(77, refused:exit())
    assert.equal("", refused:out())
  end)

  it("runs Lua in the server: console, on a terminal with history", function()
    local line = process.moonline .. " console"
    local one <close> = process.start({ "script", "-qfec", line, "/dev/null" }, {
      directory = folder, input = "x = 20\nx + 1\n\27[A\n\4",
      environment = { MOONLINE_URL = server.url, MOONLINE_ACCOUNT_SID = ACCOUNT,
        MOONLINE_AUTH_TOKEN = TOKEN, TERM = "vt100" } })
    assert.equal(0, one:exit(), one:said())
    assert.equal(2, select(2, one:out():gsub("\n21\r\n", "")), one:said()) -- ^[A: the line before
    assert.matches("help%(%) tells more", one:out())
  end)

  it("has ^C for the line that is typed, and for what runs too long", function()
    -- Each of the words is typed when the one before has had its effect, which the terminal shows.
    local typing = [==[
seen() {
    for _ in $(seq 250); do grep -q "$1" terminal && return; sleep 0.02; done
    exit 1
}
: >terminal
(seen '> '; printf 'x = abc'
 seen 'x = abc'; printf '\3'
 seen '^[^x]*> $'; printf 'print("a".."b")\n'
 seen '^[^>]*ab'; printf 'print("g".."o") while true do end\n'
 seen '^[^>]*go'; printf '\3') | script -qfec "$0 -i" terminal]==]
    local one <close> = process.start({ "sh", "-c", typing, process.moonline },
      { directory = folder, environment = { TERM = "vt100" } })
    assert.equal(130, one:exit(), one:said())
    assert.matches("\nab\r\n", one:out())
  end)

  it("places a call for a document in a file, and for a script", function()
    kate:on("call", party.takes())
    process.write(folder .. "/bye.xml", "<Response><Hangup/></Response>")
    does("call", kate:uri "kate", "--twiml", "bye.xml")
    process.write(folder .. "/bye.lua", [[
      require("moonline").on("call", function(call)
        require("moonline").http.get("]] .. server.app.url .. [[/script?to=" .. call.to)
      end)]])
    server.web["/script"] = "thank you"
    does("call", kate:uri "kate", "--script", "bye.lua")
    assert.equal(kate:uri "kate", server:request("/script").params.to)
  end)

  it("ends with 1 when the party does not take the call, and says how it went", function()
    kate:on("call", party.refuses(486))
    process.write(folder .. "/bye.xml", "<Response><Hangup/></Response>")
    local status, out = run("call", kate:uri "kate", "--twiml", "bye.xml")
    assert.equal(1, status)
    assert.matches("busy\n$", out)
  end)

  it("loads its policy again, and says which generation takes the calls", function()
    assert.matches("^generation 2 takes the calls\n$", does "reload")
  end)

  it("says what is wrong, by exit code and on stderr", function()
    local status, _, err = run("show", "CA" .. ("0"):rep(32))
    assert.equal(1, status)
    assert.matches("not found %(20404%)", err)
    local sid = "CA" .. ("0"):rep(32)
    for _, words in ipairs { { "call", "sip:k@127.0.0.1", "--twiml", "bye.xml" }, { "calls" },
      { "show", sid }, { "hangup", sid }, { "redirect", sid, "http://127.0.0.1/" }, { "reload" },
      { "drain" }, { "console" } } do
      local stranger <close> = command(words, "guess", "1")
      assert.equal(77, stranger:exit(), words[1] .. stranger:said())
      local who <close> = process.start({ process.moonline, table.unpack(words) },
        { directory = folder, input = "1" })
      assert.equal(2, who:exit(), words[1])
      assert.matches("MOONLINE_AUTH_TOKEN", who:err())
      words[#words + 1], words[#words + 2] = "--url", "http://127.0.0.1:1"
      local away <close> = command(words, nil, "1")
      assert.equal(69, away:exit(), words[1] .. away:said())
      assert.matches("^moonline: no server: ", away:err())
    end
    local what <close> = command { "call", "sip:kate@127.0.0.1" }
    assert.equal(2, what:exit())
    local unknown <close> = command { "calls", "--statsu", "queued" }
    assert.equal(2, unknown:exit())
  end)

  it("drains: takes no more calls, and ends", function()
    does "drain"
    assert.equal(0, server.process:exit())
  end)
end)

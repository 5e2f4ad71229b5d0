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

  -- A command with credentials; token: another one.
  local function command(words, token)
    return process.start({ process.moonline, table.unpack(words) }, { directory = folder,
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
    assert.same({}, calls())
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
    local refused <close> = command({ "calls" }, "guess")
    assert.equal(77, refused:exit())
    local away <close> = command { "calls", "--url", "http://127.0.0.1:1" }
    assert.equal(69, away:exit())
    assert.matches("no server: ", away:err())
    local who <close> = process.start({ process.moonline, "calls" }, { directory = folder })
    assert.equal(2, who:exit())
    assert.matches("MOONLINE_AUTH_TOKEN", who:err())
    local what <close> = command { "call", "sip:kate@127.0.0.1" }
    assert.equal(2, what:exit())
  end)

  it("drains: takes no more calls, and ends", function()
    does "drain"
    assert.equal(0, server.process:exit())
  end)
end)

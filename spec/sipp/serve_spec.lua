-- `moonline serve` from outside: its words, its signals, its ends.
local json = require "dkjson"
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"
local task = require "moonline.core.task"

local STAY = '<Response><Gather timeout="20"/></Response>'

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

local function health(server)
  return json.decode(server:get("/health").body, 1, nil)
end

local function caller(server, steps, options)
  options = options or {}
  options.remote = "127.0.0.1:" .. server.port
  return sipp.start(steps, options)
end

-- Somebody who is talking to the server until it hangs up.
local function talker(server)
  local one = caller(server, { sipp.calling(), sipp.hung_up() })
  server:request "/voice"
  process.eventually(function() return one:messages():find("\nACK sip:", 1, true) end, "an ACK")
  return one
end

local function reload(server, text, wanted)
  process.write(server.file, text)
  server.process:signal "HUP"
  return server.process:await(wanted, "err")
end

describe("moonline serve", function()
  it("prints one line when it takes calls: the real ports", function()
    local s <close> = served.start { "--sip", "udp:127.0.0.1:0", "--sip", "tcp:127.0.0.1:0",
      "--sip", "sip:127.0.0.2:0" }
    assert.equal(3, #s.addresses)
    assert.truthy(s.addresses[1]:find "^udp:127%.0%.0%.1:%d+$")
    assert.truthy(s.addresses[2]:find "^tcp:127%.0%.0%.1:%d+$")
    assert.truthy(s.addresses[3]:find "^udp:127%.0%.0%.2:%d+$")
    assert.truthy(s.http:find "^127%.0%.0%.1:%d+$")
    local before = s.process:out()
    assert.equal(0, s:stop())
    assert.equal(before, s.process:out())
    assert.truthy(before:find "^ready [^\n]+\n$")
  end)

  it("tells how it is by HTTP", function()
    local s <close> = served.start()
    local now = health(s)
    local keys = {}
    for key in pairs(now) do keys[#keys + 1] = key end
    table.sort(keys)
    assert.same({ "calls", "generation", "status", "uptime", "version" }, keys)
    has(s:get("/health").body, '"refused":null')
    assert.equal("ok", now.status)
    assert.equal(0, now.calls)
    assert.equal(1, now.generation)
    assert.equal("number", type(now.uptime))
    assert.equal("0.1.0", now.version)
    assert.equal(200, s:get("/ready").status)
    assert.equal(404, s:get("/nothing").status)
  end)

  it("has no HTTP when that is off", function()
    local s <close> = served.start { "--http", "off" }
    assert.equal("off", s.http)
    assert.equal(0, s:stop())
  end)

  it("answers calls with a document or a script", function()
    local folder = process.folder()
    local xml = process.write(folder .. "/hello.xml", "<Response><Reject/></Response>")
    local lua = process.write(folder .. "/hello.lua",
      'require("moonline").on("call", function(call) call:reject(486) end)')
    for flag, code in pairs { ["--twiml"] = 603, ["--script"] = 486 } do
      local s <close> = served.start { flag, flag == "--twiml" and xml or lua, "--http", "off" }
      local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(code) })
      one:done()
    end
    process.remove(folder)
  end)

  it("takes flags before the environment before the file before the defaults", function()
    local file = 'limits = { calls = 11, drain = 12 }\n'
      .. 'numbers = { [ "7" ] = { twiml = "seven.xml" } }\n'
    local folder = process.folder()
    process.write(folder .. "/seven.xml", "<Response><Reject/></Response>")
    process.write(folder .. "/m.conf", file)
    local function drains(arguments, environment, seconds)
      table.move({ "-c", folder .. "/m.conf" }, 1, 2, #arguments + 1, arguments)
      local s <close> = served.start(arguments, { environment = environment })
      local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(603) },
        { service = "7" })
      one:done()
      s.process:signal "TERM"
      s.process:await(("may finish within %d s"):format(seconds), "err")
      assert.equal(0, s.process:exit())
    end
    local environment = { MOONLINE_LIMITS_DRAIN = "77" }
    drains({ "--set", "limits.drain=1" }, environment, 1)
    drains({}, environment, 77)
    drains({}, nil, 12)
    process.remove(folder)
  end)

  it("says in a line what is wrong with its configuration, and ends with 78", function()
    local s <close> = served.open({}, { configuration = "sip = {\n  lisen = {}\n}\n" })
    assert.equal(78, s.process:exit())
    has(s.process:err(), s.file .. ":2:3: ")
    has(s.process:err(), "(did you mean listen?)")
    assert.equal("", s.process:out())
    local j <close> = served.open({ "--log-format", "json", "--set", "limits.calls=none" })
    assert.equal(78, j.process:exit())
    has(json.decode(j.process:err()).message, "limits.calls")
  end)

  it("ends with 2 when it is called wrong, with 1 when it cannot listen", function()
    local wrong <close> = process.start { process.moonline, "serve", "--bogus" }
    assert.equal(2, wrong:exit())
    has(wrong:err(), "Usage: moonline serve")
    local both <close> = process.start { process.moonline, "serve", "--voice-url", "http://a/",
      "--script", "x.lua" }
    assert.equal(2, both:exit())
    local first <close> = served.start()
    local second <close> = served.open { "--sip", "udp:127.0.0.1:" .. first.port }
    assert.equal(1, second.process:exit())
    has(second.process:err(), "cannot listen on udp:127.0.0.1:" .. first.port .. ": is it in use")
    local third <close> = served.open { "--http", first.http }
    assert.equal(1, third.process:exit())
    has(third.process:err(), "http.listen " .. first.http .. ": ")
    assert.equal("", third.process:out())
    assert.is_nil(third.process:err():find("\n.", 1, false))
  end)

  it("writes log lines, of text or JSON, without secrets", function()
    local s <close> = served.start({ "--log-format", "json", "--log-level", "debug" },
      { configuration = 'auth_token = "veryhidden" sip = { users = { alice = "alsohidden" } }\n' })
    s.web["/voice"] = '<Response><Reject/></Response>'
    local one <close> = caller(s, { sipp.request("INVITE", { sdp = true, headers = {
      'Subject: "quoted" \\ and \xe9\xff' } }), sipp.refused(603) }, { service = "a%22b" })
    one:done()
    assert.equal(0, s:stop())
    local count = 0
    for line in s.process:err():gmatch("[^\n]+") do
      local entry, _, why = json.decode(line)
      assert(entry, ("%s: %s"):format(why, line))
      assert.truthy(entry.time:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$")
      assert.truthy(entry.level and entry.message)
      count = count + 1
    end
    assert.is_true(count >= 3)
    assert.is_nil(s.process:err():find("hidden", 1, true))
  end)

  it("refuses new calls after SIGTERM, lets live ones finish, and then ends", function()
    local s <close> = served.start { "--set", "limits.drain=20" }
    s.web["/voice"] = STAY
    local one <close> = caller(s, { sipp.calling(), sipp.pause(700), sipp.hangup() })
    s:request "/voice"
    s.process:signal "TERM"
    s.process:await("no new calls; 1 may finish", "err")
    local late <close> = caller(s, { sipp.request("OPTIONS"), sipp.recv(503),
      sipp.request("INVITE", { sdp = true }), sipp.refused(503, 2,
        { check = "Retry-After: [0-9]+" }) })
    late:done()
    assert.equal(503, s:get("/ready").status)
    assert.equal("degraded", health(s).status)
    one:done()
    local begun = task.clock()
    assert.equal(0, s.process:exit())
    assert.is_true(task.clock() - begun < 1)
  end)

  it("tells the end of the last call before it ends", function()
    local s <close> = served.start { "--set", "voice.status_callback={app}/done" }
    s.web["/voice"] = STAY
    s.web["/done"] = function()
      task.sleep(0.2)
      return 200, ""
    end
    local one <close> = caller(s, { sipp.calling(), sipp.pause(300), sipp.hangup() })
    s:request "/voice"
    s.process:signal "TERM"
    one:done()
    assert.equal("completed", s:request("/done").params.CallStatus)
    assert.equal(0, s.process:exit())
  end)

  it("hangs up when the drain is over", function()
    local s <close> = served.start { "--set", "limits.drain=0.2" }
    s.web["/voice"] = STAY
    local one <close> = talker(s)
    local begun = task.clock()
    s.process:signal "TERM"
    assert.equal(0, s.process:exit())
    one:done()
    assert.is_true(task.clock() - begun < 1.5)
  end)

  it("hangs up all at once at the second SIGTERM: BYE, CANCEL, 480", function()
    local s <close> = served.start()
    local bob <close> = sipp.start { sipp.recv "INVITE", sipp.reply(180), sipp.recv "CANCEL",
      sipp.reply(200), sipp.final(487), sipp.recv "ACK" }
    s.web["/voice"] = ("<Response><Dial><Sip>%s</Sip></Dial></Response>"):format(bob.uri)
    local talking <close> = talker(s)
    s.web["/voice"] = '<Response><Pause length="20"/></Response>'
    local ringing <close> = caller(s, { sipp.request("INVITE", { sdp = true }),
      sipp.refused(480) })
    s:request "/voice"
    process.eventually(function() return bob:messages():find("SIP/2.0 180", 1, true) end)
    s.process:signal "TERM"
    s.process:await("no new calls", "err")
    local begun = task.clock()
    s.process:signal "TERM"
    assert.equal(0, s.process:exit())
    assert.is_true(task.clock() - begun < 1.3)
    talking:done()
    ringing:done()
    bob:done()
  end)

  it("waits no longer than a second for peers that do not answer", function()
    local s <close> = served.start()
    s.web["/voice"] = STAY
    local dead <close> = caller(s, { sipp.calling(), sipp.recv "BYE", sipp.pause(5000) })
    s:request "/voice"
    process.eventually(function() return dead:messages():find("\nACK sip:", 1, true) end)
    s.process:signal "TERM"
    s.process:await("no new calls", "err")
    local begun = task.clock()
    s.process:signal "TERM"
    assert.equal(0, s.process:exit())
    assert.is_true(task.clock() - begun < 1.4)
  end)

  it("loads configuration and policy again at SIGHUP", function()
    local folder = process.folder()
    process.write(folder .. "/busy.xml", '<Response><Reject reason="busy"/></Response>')
    local s <close> = served.start({ "--log-level", "info" }, { configuration = "" })
    s.web["/voice"] = "<Response><Reject/></Response>"
    local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(603) })
    one:done()
    reload(s, ('numbers = { line = { twiml = "%s/busy.xml" } } limits = { calls = 5 }\n'):format(
      folder), "generation 2 of the policy")
    has(s.process:err(), "limits.calls has changed: that takes effect at the next start")
    local two <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(486) })
    two:done()
    reload(s, "\nnumbers = 7\n", "the configuration is not loaded")
    local now = health(s)
    assert.equal("degraded", now.status)
    assert.equal(s.file, now.refused.file)
    assert.equal(2, now.refused.line)
    assert.equal(2, now.generation)
    assert.equal("number", type(now.refused.at))
    local three <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(486) })
    three:done()
    reload(s, "webhook = { deny = { '127.0.0.0/8' } }\n", "generation 3 of the policy")
    assert.equal("ok", health(s).status)
    local four <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(500) })
    four:done()
    s.process:await("11205", "err")
    assert.equal(0, s:stop())
    process.remove(folder)
  end)

  it("L2 loads a script again when it changes, and keeps the old when it is broken", function()
    local folder = process.folder()
    local function script(code)
      process.write(folder .. "/menu.lua", 'local m = require "moonline"\nm.on("call", '
        .. "function(call) call:reject(" .. code .. ") end)\n")
    end
    script(486)
    local s <close> = served.start { "--script", folder .. "/menu.lua" }
    local function refuses(code)
      local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(code) })
      one:done()
    end
    refuses(486)
    script(480)
    s.process:await("generation 2 of the policy", "err", 3)
    refuses(480)
    process.write(folder .. "/menu.lua", "local m = \n  )")
    s.process:await("the policy is not loaded", "err", 3)
    refuses(480)
    local now = health(s)
    assert.equal(folder .. "/menu.lua", now.refused.file)
    assert.equal(2, now.refused.line)
    process.remove(folder)
  end)

  it("refuses more calls than limits.calls", function()
    local s <close> = served.start { "--set", "limits.calls=1", "--set", "limits.drain=0" }
    s.web["/voice"] = STAY
    local one <close> = talker(s)
    local two <close> = caller(s, { sipp.request("INVITE", { sdp = true }),
      sipp.refused(503, 1, { check = "Retry-After: [0-9]+" }) })
    two:done()
    assert.equal(1, health(s).calls)
    assert.equal(1, #s.requests)
    assert.equal(0, s:stop())
    one:done()
  end)

  it("lets in whom sip.allow and sip.users name", function()
    local s <close> = served.start { "--set", "sip.allow={'127.0.0.9/32'}", "--http", "off" }
    local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(403) })
    one:done()
    local u <close> = served.start({ "--http", "off" }, { configuration =
      'sip = { allow = {}, users = { alice = "wonderland" } }\n' })
    u.web["/voice"] = "<Response><Reject/></Response>"
    local two <close> = caller(u, {
      sipp.request("INVITE", { sdp = true }), sipp.recv(100, { optional = true }),
      sipp.recv(401, { auth = true }), sipp.request("ACK", { cseq = 1, to = "[peer_tag_param]" }),
      sipp.request("INVITE", { sdp = true,
        headers = { "[authentication username=alice password=wonderland]" } }),
      sipp.refused(603, 2) })
    two:done()
    assert.equal("alice", u:request("/voice").params.SipUsername)
  end)

  it("has nothing for a call that no number and no voice takes: 404", function()
    local s <close> = served.start({ "--http", "off", "--sip", "udp:127.0.0.1:0" },
      { bare = true })
    local one <close> = caller(s, { sipp.request("INVITE", { sdp = true }), sipp.refused(404) })
    one:done()
  end)
end)

-- The other commands, as processes: programs, the reader of lines, checks, words to systemd.
local json = require "dkjson"
local process = require "support.process"
local served = require "support.served"

local folder

local function moonline(...)
  return process.start({ process.moonline, ... }, { directory = folder })
end

local function fed(input, ...)
  return process.start({ process.moonline, ... }, { directory = folder, input = input })
end

local function file(name, text)
  return process.write(folder .. "/" .. name, text)
end

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

-- Runs to its end: status, stdout, stderr.
local function ends(one)
  local _ <close> = one
  return one:exit(), one:out(), one:err()
end

describe("moonline", function()
  setup(function() folder = process.folder() end)
  teardown(function() process.remove(folder) end)

  it("runs a program with its arguments, and waits for what it began", function()
    file("hello.lua", 'print(arg[0], #arg, ...)\nlocal m = require "moonline"\n'
      .. 'm.timer(0.05, function() print("later") end)\n')
    local status, out = ends(moonline("hello.lua", "a", "b c"))
    assert.equal(0, status)
    assert.equal("hello.lua\t2\ta\tb c\nlater\n", out)
  end)

  it("reads a program from the standard input", function()
    local status, out = ends(fed("print('in', ...) os.exit(3)", "-", "x"))
    assert.equal(3, status)
    assert.equal("in\tx\n", out)
  end)

  it("ends a program that fails with 1, and says where", function()
    file("bad.lua", "local x = nil\nprint(x.y)\n")
    local status, out, err = ends(moonline "bad.lua")
    assert.equal(1, status)
    assert.equal("", out)
    has(err, "bad.lua:2: ")
    file("worse.lua", "print(\n")
    status, out, err = ends(moonline "worse.lua")
    assert.equal("", out)
    assert.equal(1, status)
    has(err, "worse.lua:2: ")
    status, out, err = ends(moonline "nowhere.lua")
    assert.equal(1, status)
    assert.equal("", out)
    has(err, "nowhere.lua")
  end)

  it("reads and runs Lua line by line with -i", function()
    local status, out, err = ends(fed('1 + 1\nx = 20\nfor i = 1, 2 do\nprint(i * x)\nend\n'
      .. 'moonline.sleep(0.02)\n)\nerror "oh"\nprint(moonline.version)\n', "-i"))
    assert.equal(0, status)
    for _, wanted in ipairs { "> 2\n", "20\n40\n", "0.1.0\n" } do has(out, wanted) end
    has(err, "unexpected symbol near ')'")
    has(err, "oh")
  end)

  it("checks documents, scripts and configuration files", function()
    file("good.xml", "<Response><Hangup/></Response>")
    file("bad.xml", "<Response>\n  <Dail/>\n</Response>")
    file("good.conf", "rtp = { timeout = 5 }\n")
    file("bad.conf", "\nrtp = { timeot = 5 }\n")
    file("ok.lua", "return 1\n")
    local status, out = ends(moonline("check", "good.xml", "good.conf", "ok.lua"))
    assert.equal(0, status)
    assert.equal("", out)
    status, out = ends(moonline("check", "good.xml", "bad.xml", "bad.conf"))
    assert.equal(1, status)
    assert.truthy(out:find("bad.xml:2:3: error %d+ [^\n]*%(did you mean Dial%?%)\n"))
    assert.truthy(out:find("bad.conf:2:9: error config [^\n]*%(did you mean timeout%?%)\n"))
    status = ends(moonline "check")
    assert.equal(2, status)
    status = ends(moonline("check", "-c", "bad.conf", "good.xml"))
    assert.equal(78, status)
    status, out = ends(fed("<Response/>", "check", "--json", "-"))
    assert.equal(0, status)
    assert.equal(0, json.decode(out).errors)
  end)

  it("knows its version, and what it needs", function()
    local status, out = ends(moonline "version")
    assert.equal(0, status)
    has(out, "moonline 0.1.0\n")
    status, out = ends(moonline("version", "--json"))
    assert.equal(0, status)
    assert.equal("0.1.0", json.decode(out).version)
    local quiet = { "--set", "http.listen=off", "--set", "sip.listen={'udp:127.0.0.1:0'}" }
    status, out = ends(moonline("doctor", table.unpack(quiet)))
    assert.equal(0, status)
    for _, word in ipairs { "codecs", "voices", "store", "descriptors", "sip", "verbs" } do
      has(out, word)
    end
    local server <close> = served.start()
    status, out = ends(moonline("doctor", "--json", "--set", "http.listen=" .. server.http))
    assert.equal(1, status)
    assert.is_true(json.decode(out).errors >= 1)
  end)

  it("suggests a command, and lists them", function()
    local status, out, err = ends(moonline "serv")
    assert.equal(2, status)
    assert.equal("", out)
    has(err, "there is no command serv (did you mean serve?)")
    status, out = ends(moonline "--help")
    assert.equal(0, status)
    for _, word in ipairs { "serve", "check", "doctor", "version" } do has(out, "  " .. word) end
    status = ends(moonline())
    assert.equal(2, status)
    status, out = ends(moonline("serve", "--help"))
    assert.equal(0, status)
    has(out, "--voice-url")
  end)

  it("tells systemd when it is ready, loads again, and stops", function()
    local path = folder .. "/notify"
    local listener <close> = process.start({ "/usr/bin/python3", "-u", "-c", [[
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound")
while True:
    print(s.recv(1000).decode().replace("\n", " "))
]], path })
    listener:await "bound"
    local server <close> = served.start({}, { environment = { NOTIFY_SOCKET = path } })
    listener:await "READY=1"
    server.process:signal "HUP"
    listener:await "RELOADING=1 MONOTONIC_USEC=%d+\nREADY=1"
    assert.equal(0, server:stop())
    listener:await "STOPPING=1"
  end)
end)

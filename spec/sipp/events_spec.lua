-- /v1/events as curl sees it, and a reader that does not read.
local json = require "dkjson"
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"
local stage = require "support.stage"
local task = require "moonline.core.task"

local ACCOUNT, TOKEN = "AC" .. ("7"):rep(32), "its token"

-- Reads nothing once the answer has begun.
local DEAF = [[
import signal, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
    + sys.argv[2].encode() + b"\r\n\r\n")
s.recv(4)
print("deaf")
signal.pause()
]]

describe("/v1/events and curl", function()
  it("streams text/event-stream to who has the credentials", function()
    local server <close> = served.start { "--set", "account_sid=" .. ACCOUNT, "--set",
      "auth_token=" .. TOKEN }
    server.web["/voice"] = "<Response><Hangup/></Response>"
    local function curl(token, ...)
      return process.start { "curl", "-sSN", "-u", ACCOUNT .. ":" .. token, "-D", "/dev/stderr",
        server.url .. "/v1/events", ... }
    end
    local none <close> = curl("guess", "-f")
    assert.equal(22, none:exit())
    local reader <close> = curl(TOKEN)
    reader:await "^: what happens[^\n]*\nretry: %d+\n\n"
    assert.matches("HTTP/1.1 200 ", reader:err())
    assert.matches("\r\nContent%-Type: text/event%-stream", reader:err())
    assert.matches("\r\nCache%-Control: no%-store\r\n", reader:err())
    local alice <close> = assert(moonline.agent())
    local _ <close> = alice:call("sip:line@127.0.0.1:" .. server.port)
    local id, data = reader:await "id: (%d+%-%d+)\nevent: call%-ended\ndata: ([^\n]+)\n\n"
    local ended = json.decode(data)
    assert.equal("call-ended", ended.kind)
    assert.matches("^CA%x+$", ended.call)
    local again <close> = curl(TOKEN, "-H", "Last-Event-ID: " .. id)
    again:await "retry: %d+\n\n"
    assert.is_nil(again:out():find "call%-ended")
    assert.equal(0, server:stop())
    reader:exit()
    assert.equal(0, reader.status, reader:said())
  end)

  it("cuts a reader that does not read, and the others read on", function()
    local s <close> = stage.open({}, { observed = false })
    local port = s.server.http_address:match ":(%d+)$"
    local basic = require("moonline.core.crypto").base64(
      "AC00000000000000000000000000000001:secret")
    local deaf <close> = process.start({ "/usr/bin/python3", "-u", "-c", DEAF, port, basic })
    deaf:await "deaf"
    process.eventually(function() return #s.server.broadcast.readers == 1 end, "a reader")
    local other <close> = process.start { "curl", "-sN", "-H", "Authorization: Basic " .. basic,
      "http://" .. s.server.http_address .. "/v1/events" }
    other:await "retry"
    local sent, text = 0, ("x"):rep(4000)
    local limit = task.clock() + 10
    while #s.server.broadcast.readers == 2 and task.clock() < limit do
      for _ = 1, 20 do s.server:tell { kind = "warning", code = 1, text = text } end
      sent = sent + 20
      moonline.sleep(0.005) -- the one that reads has time to
    end
    assert.equal(1, #s.server.broadcast.readers)
    s.server:tell { kind = "warning", code = 2, text = "the last" }
    other:await "the last"
    local warnings = select(2, other:out():gsub("\nevent: warning\n", ""))
    assert.equal(sent + 1, warnings)
    deaf.child:kill(15)
    other.child:kill(15)
    other:exit()
  end)
end)

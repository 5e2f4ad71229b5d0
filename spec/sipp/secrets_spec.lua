-- Nothing that is secret is ever in the log, however much it says and whatever goes wrong: each secret of this
-- server is a canary, and is used.
local crypto = require "moonline.core.crypto"
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"
local task = require "moonline.core.task"

local ACCOUNT = "AC00000000000000000000000000000001"

local CONFIGURATION = [[
account_sid = "%s"
auth_token = "canary-token"
sip = { allow = { "127.0.0.0/8" }, users = { alice = "canary-user" } }
trunks = { carrier = { proxy = "sip:127.0.0.1:%d", username = "us", password = "canary-trunk",
  register = true } }
voice = { url = "http://kate:canary-voice@%s/voice",
  status_callback = "http://kate:canary-status@127.0.0.1:9/status" }
]]

local DOCUMENT = [[<Response><Dial>
  <Sip username="bob" password="canary-sip"
    statusCallback="http://bob:canary-callback@127.0.0.1:9/cb">%s</Sip>
</Dial><Redirect>http://eve:canary-redirect@127.0.0.1:9/next</Redirect></Response>]]

local function challenge(nonce)
  return { headers = { ('WWW-Authenticate: Digest realm="test", nonce="%s", algorithm=MD5, '
    .. 'qop="auth"'):format(nonce) } }
end

-- A phone that asks for credentials and does not like them, and a carrier of the same kind.
local function gatekeeper()
  return sipp.start { sipp.recv "INVITE", sipp.reply(401, challenge "one"), sipp.recv "ACK",
    sipp.recv "INVITE", sipp.reply(401, challenge "two"), sipp.recv "ACK" }
end

local function carrier()
  return sipp.start { sipp.recv "REGISTER", sipp.reply(401, challenge "one"), sipp.recv "REGISTER",
    sipp.reply(403) }
end

describe("the log", function()
  it("OS-14 has no secret in it: tokens, passwords, credentials in URLs, Authorization", function()
    local kate <close> = gatekeeper()
    local trunk <close> = carrier()
    local s <close> = served.open({ "--log-level", "debug", "-c", "moonline.conf", "--sip",
      "udp:127.0.0.1:0", "--http", "127.0.0.1:0" }, { bare = true })
    local web = s.app.url:match "^http://(.*)$"
    process.write(s.folder .. "/moonline.conf", CONFIGURATION:format(ACCOUNT, trunk.port, web))
    s:ready()
    s.web["/voice"] = function(request)
      if not request.headers.authorization then
        return 401, "", { ["WWW-Authenticate"] = 'Basic realm="app"' }
      end
      assert.equal("Basic " .. crypto.base64 "kate:canary-voice", request.headers.authorization)
      return DOCUMENT:format("sip:bob@127.0.0.1:" .. kate.port)
    end
    local list = s.url .. "/2010-04-01/Accounts/" .. ACCOUNT .. "/Calls.json"
    local function rest(password)
      return moonline.http.request { url = list, user = ACCOUNT, password = password }
    end
    local alice <close> = assert(moonline.agent())
    local leg = alice:call("sip:line@127.0.0.1:" .. s.port, { from = "alice", timeout = 5 })
    if leg then leg:hangup() end
    kate:done()
    trunk:done()
    for i = 1, 21 do assert.equal(i <= 20 and 401 or 429, rest("canary-guess").status) end
    s.process:await("11205", "err")
    s.process:await("locked out", "err")
    task.sleep(0.2)
    assert.equal(0, s:stop())
    local said = s.process:err() .. s.process:out()
    assert.truthy(said:find("127.0.0.1:9/", 1, true), said)
    local canary = said:match "[^\n]*canary[^\n]*"
    assert.is_nil(canary)
    for _, word in ipairs { "kate:canary-voice", ACCOUNT .. ":canary-guess" } do
      assert.is_nil(said:find(crypto.base64(word), 1, true))
    end
    assert.is_nil(said:match "[Rr]esponse=\"%x+\"")
  end)
end)

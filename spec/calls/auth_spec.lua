-- S7: username and password of a Sip noun answer the callee's challenge.
local crypto = require "moonline.core.crypto"
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

local ADMIN = 'username="admin" password="1234"'

local function challenge(header, algorithm)
  return ('%s: Digest realm="desk", nonce="n1", qop="auth"%s'):format(header,
    algorithm and ", algorithm=" .. algorithm or "")
end

-- Plays the statuses of a list one after the other: { "401 Unauthorized", { header... } }.
local function server(answers)
  local at = 0
  return peer.open(function(self, request)
    if request.method == "BYE" then return self:reply(request, "200 OK") end
    if request.method ~= "INVITE" then return end
    at = math.min(at + 1, #answers)
    local answer = answers[at]
    self:reply(request, answer[1], answer[2], answer[1]:find "^200" and peer.sdp() or nil)
  end)
end

-- name -> value of a Digest header.
local function fields(text)
  local map = {}
  for name, value in (text or ""):gsub("^Digest%s+", ""):gmatch('(%w+)=([^,]+)') do
    map[name] = value:match('^"(.*)"$') or value
  end
  return map
end

-- What the response must be (RFC 7616 3.4.1, qop auth).
local function response(f, password, algorithm)
  local function hash(text) return crypto.hex(crypto.digest(algorithm, text)) end
  return hash(table.concat({ hash(("%s:%s:%s"):format(f.username, f.realm, password)), f.nonce,
    f.nc, f.cnonce, f.qop, hash("INVITE:" .. f.uri) }, ":"))
end

-- The last INVITE is the first one with credentials.
local function repeated(callee)
  local list = callee:of "INVITE"
  local first, last = list[1], list[#list]
  assert.equal(first:get "Call-ID", last:get "Call-ID")
  assert.equal(first:get "From", last:get "From")
  assert.equal(first.uri, last.uri)
  assert.equal(first.body, last.body)
  assert.is_true(#last.body > 0)
  assert.equal("application/sdp", last:get "Content-Type")
  assert.equal("foo", last:get "X-mine")
  for _, name in ipairs { "ApiVersion", "AccountSid", "CallSid" } do
    assert.equal(first:get("X-Twilio-" .. name), last:get("X-Twilio-" .. name))
  end
  assert.is_true(tonumber(last:get("CSeq"):match("%d+")) > tonumber(first:get("CSeq"):match("%d+")))
  assert.is_nil(first:get "Authorization")
  assert.is_nil(first:get "Proxy-Authorization")
  return last
end

describe("credentials of a Sip noun", function()
  it("S7 <Sip username password> satisfy a phone of our own", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers, { allow = {}, users = { admin = "1234" } })
    local params = story.talk(s, kate.address .. "?mine=foo", { sip = ADMIN })
    assert.equal("completed", params.DialCallStatus)
    assert.equal("200", params.DialSipResponseCode)
    assert.equal("true", params.DialBridged)
    assert.equal("foo", kate.invites[1]:get "X-mine")
    assert.equal(params.DialCallSid, kate.invites[1]:get "X-Twilio-CallSid")
    s:quiet()
  end)

  it("S7 answer 401 and 407 by MD5 and SHA-256, with SDP and custom headers again", function()
    for _, kind in ipairs { { "401 Unauthorized", "WWW-Authenticate", "Authorization" },
      { "407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization" } } do
      for _, algorithm in ipairs { false, "MD5", "SHA-256" } do
        local s <close> = stage.open()
        local kate <close> = server {
          { kind[1], { challenge(kind[2], algorithm) } }, { "200 OK" },
        }
        local params = story.talk(s, kate.uri .. "?mine=foo", { sip = ADMIN })
        assert.equal("completed", params.DialCallStatus)
        assert.equal(2, #kate:of "INVITE")
        local f = fields(repeated(kate):get(kind[3]))
        assert.equal("admin", f.username)
        assert.equal("desk", f.realm)
        assert.equal("n1", f.nonce)
        assert.equal("00000001", f.nc)
        assert.equal(kate.uri, f.uri)
        local hash = algorithm == "SHA-256" and "sha256" or "md5"
        assert.equal(response(f, "1234", hash), f.response)
        if algorithm then assert.equal(algorithm, f.algorithm) end
        s:quiet()
      end
    end
  end)

  it("S7 choose SHA-256 where both are offered, in whatever order", function()
    for _, order in ipairs { { "MD5", "SHA-256" }, { "SHA-256", "MD5" } } do
      local s <close> = stage.open()
      local kate <close> = server {
        { "401 Unauthorized", { challenge("WWW-Authenticate", order[1]),
          challenge("WWW-Authenticate", order[2]) } }, { "200 OK" },
      }
      story.talk(s, kate.uri .. "?mine=foo", { sip = ADMIN })
      local f = fields(repeated(kate):get "Authorization")
      assert.equal("SHA-256", f.algorithm)
      assert.equal(response(f, "1234", "sha256"), f.response)
      s:quiet()
    end
  end)

  it("S7 answer a proxy and then the callee behind it, both in the third INVITE", function()
    local s <close> = stage.open()
    local kate <close> = server {
      { "407 Proxy Authentication Required", { challenge "Proxy-Authenticate" } },
      { "401 Unauthorized", { challenge "WWW-Authenticate" } }, { "200 OK" },
    }
    local params = story.talk(s, kate.uri .. "?mine=foo", { sip = ADMIN })
    assert.equal("completed", params.DialCallStatus)
    assert.equal(3, #kate:of "INVITE")
    local last = repeated(kate)
    assert.is_string(last:get "Authorization")
    assert.is_string(last:get "Proxy-Authorization")
    s:quiet()
  end)

  it("S7 refused twice: failed, with the code and the headers of the last refusal", function()
    for _, kind in ipairs { { "401 Unauthorized", "WWW-Authenticate" },
      { "407 Proxy Authentication Required", "Proxy-Authenticate" } } do
      local s <close> = stage.open()
      local kate <close> = server {
        { kind[1], { challenge(kind[2]), "X-Try: 1" } },
        { kind[1], { challenge(kind[2]), "X-Try: 2" } },
        { "200 OK" },
      }
      local params = story.dial(s, kate.uri, { sip = ADMIN })
      assert.equal("failed", params.DialCallStatus)
      assert.equal(kind[1]:match("%d+"), params.DialSipResponseCode)
      assert.equal("2", params["DialSipHeader_X-Try"])
      assert.equal(2, #kate:of "INVITE")
      s:quiet()
    end
  end)

  it("S7 wrong for a phone of ours: failed", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers, { allow = {}, users = { admin = "other" } })
    local params = story.dial(s, kate.address, { sip = ADMIN })
    assert.equal("failed", params.DialCallStatus)
    assert.equal("401", params.DialSipResponseCode)
    assert.equal(0, #kate.invites)
    s:quiet()
  end)

  it("S7 absent: the challenge is the end, after one INVITE", function()
    local s <close> = stage.open()
    local kate <close> = server {
      { "401 Unauthorized", { challenge "WWW-Authenticate" } }, { "200 OK" },
    }
    local params = story.dial(s, kate.uri)
    assert.equal("failed", params.DialCallStatus)
    assert.equal("401", params.DialSipResponseCode)
    assert.equal(1, #kate:of "INVITE")
    s:quiet()
  end)

  it("S7 cannot answer what nobody understands: failed", function()
    local s <close> = stage.open()
    local kate <close> = server {
      { "401 Unauthorized", { 'WWW-Authenticate: Basic realm="desk"' } }, { "200 OK" },
    }
    local params = story.dial(s, kate.uri, { sip = ADMIN })
    assert.equal("failed", params.DialCallStatus)
    assert.equal("401", params.DialSipResponseCode)
    assert.equal(1, #kate:of "INVITE")
    s:quiet()
  end)

  it("S7 tell the progress of one call: initiated once", function()
    local s <close> = stage.open()
    s.web["/events"] = ""
    local kate = story.phone(s, "kate", story.answers, { allow = {}, users = { admin = "1234" } })
    story.talk(s, kate.address, { sip = ADMIN .. ' statusCallback="/events"'
      .. ' statusCallbackEvent="initiated ringing answered completed"' })
    s:quiet()
    local told = {}
    for i, request in ipairs(s:requests_to "/events") do told[i] = request.params.CallStatus end
    assert.same({ "initiated", "in-progress", "completed" }, told)
  end)
end)

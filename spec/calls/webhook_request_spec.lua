-- What the web app is asked in a live call: parameters, signature, redirects, cookies, credentials,
-- relative URLs, answers it need not repeat.
local crypto = require "moonline.core.crypto"
local moonline = require "moonline"
local signature = require "moonline.webhook.signature"
local stage = require "support.stage"
local url = require "moonline.webhook.url"

local HANGUP = "<Response><Hangup/></Response>"
local XML = { ["Content-Type"] = "text/xml" }

local function signed(s, request)
  local form = request.method == "POST" and url.parse_form(request.body) or nil
  return signature.of("secret", s.app.url .. request.target, form)
end

local function with_credentials(text)
  return function(app)
    return { voice = { url = app:gsub("//", "//" .. text .. "@") .. "/voice" } }
  end
end

local function run(s, options)
  local leg = s:call(options)
  if leg then leg:hangup() end
  s:quiet()
end

describe("V5 a voice request", function()
  it("tells of the call, signed, and of who asks", function()
    local s <close> = stage.open()
    s.web["/voice"] = HANGUP
    run(s, { headers = { ["X-Color"] = "b=l&ue", ["User-to-User"] = "61", ["P-Foo"] = "no" } })
    local request = s.requests[1]
    local p = request.params
    assert.equal("POST", request.method)
    assert.equal("application/x-www-form-urlencoded",
      request.headers["content-type"]:match("^[^;]*"))
    assert.equal("moonline/" .. moonline.version, request.headers["user-agent"])
    assert.equal(signed(s, request), request.headers["x-twilio-signature"])
    assert.truthy(request.headers["i-twilio-idempotency-token"]:match("%S"))
    assert.truthy(p.CallSid:match("^CA%x+$") and #p.CallSid == 34)
    assert.equal("AC00000000000000000000000000000001", p.AccountSid)
    assert.equal("2010-04-01", p.ApiVersion)
    assert.equal("inbound", p.Direction)
    assert.equal("ringing", p.CallStatus)
    assert.equal("sip:alice@127.0.0.1", p.From)
    assert.equal(p.From, p.Caller)
    assert.truthy(p.To:match("^sip:line@127.0.0.1:%d+$"))
    assert.equal(p.To, p.Called)
    assert.equal("127.0.0.1", p.SipDomain)
    assert.equal("127.0.0.1", p.SipSourceIp)
    assert.truthy(p.SipCallId)
    assert.equal("b=l&ue", p["SipHeader_X-Color"])
    assert.equal("61", p["SipHeader_User-to-User"])
    assert.is_nil(p["SipHeader_P-Foo"])
    assert.is_nil(p.ParentCallSid)
  end)

  it("by GET has it all in the query, signed as it is on the wire", function()
    local s <close> = stage.open(function(app)
      return { voice = { url = app .. "/voice?a=1&b=%20", method = "GET" } }
    end)
    s.web["/voice"] = HANGUP
    run(s)
    local request = s.requests[1]
    assert.equal("GET", request.method)
    assert.equal("", request.body)
    assert.truthy(request.target:find("^/voice%?a=1&b=%%20&CallSid=CA"))
    assert.equal(signed(s, request), request.headers["x-twilio-signature"])
  end)

  it("carries what the caller says of himself encoded: nothing can be slipped in", function()
    local s <close> = stage.open()
    s.web["/voice"] = HANGUP
    run(s, {
      from = "a%0d%0aX-Evil%3a%20y&CallSid=CA0", display = 'Kate "\\ Zoë <x>',
      headers = { ["X-Evil"] = 'Zoë "1"&Digits=9=\\' },
    })
    local request = s.requests[1]
    assert.is_nil(request.headers["x-evil"])
    assert.is_nil(request.params.Digits)
    assert.equal('Zoë "1"&Digits=9=\\', request.params["SipHeader_X-Evil"])
    assert.truthy(request.params.From:find("^sip:a%%250d%%250aX%-Evil"))
    assert.equal(1, select(2, request.body:gsub("CallSid=CA", "")))
    assert.equal(signed(s, request), request.headers["x-twilio-signature"])
  end)
end)

describe("V5 URLs of a call", function()
  it("are relative to the document that names them, where redirects ended", function()
    local s <close> = stage.open(function(app)
      return { voice = { url = app .. "/a/b/voice?x=1", method = "GET" } }
    end)
    s.web["/a/b/voice"] = function() return 302, "", { Location = "/c/d/moved?y=2" } end
    s.web["/c/d/moved"] = stage.twiml "<Redirect>../next</Redirect>"
    s.web["/c/next"] = stage.twiml "<Redirect method='GET'>?page=2</Redirect>"
    local asked = 0
    s.web["/c/next"] = function(request)
      asked = asked + 1
      if asked == 1 then return stage.twiml "<Redirect method='GET'>?page=2</Redirect>" end
      if asked == 2 then return stage.twiml "<Redirect/>" end
      return HANGUP, request
    end
    run(s)
    local list = {}
    for i, request in ipairs(s.requests) do
      list[i] = ("%s %s %s"):format(request.method, request.path, request.params.page
        or request.params.y or request.params.x)
    end
    assert.same({ "GET /a/b/voice 1", "GET /c/d/moved 2", "POST /c/next nil", "GET /c/next 2",
      "POST /c/next 2" }, list)
    local last = s.requests[5]
    assert.equal("/c/next?page=2", last.target) -- the parameters of the GET are not repeated there
  end)

  it("without a document to be relative to are 11100", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write '<Response><Redirect>/next</Redirect></Response>'
    file:close()
    local s <close> = stage.open { numbers = { file = { twiml = path } } }
    local leg, _, code = s:call { uri = s:uri "file" }
    assert.is_nil(leg)
    assert.equal(500, code)
    assert.truthy(s:warned(11100))
    os.remove(path)
  end)

  it("on hosts with an underscore are warned about and left out", function()
    local s <close> = stage.open()
    s.web["/voice"] = function(request)
      if request.params.Digits then return stage.twiml "<Pause length='2'/>" end
      return stage.twiml '<Gather action="http://my_app.example/x" numDigits="1"/>'
    end
    local alice = assert(s:call())
    alice:send_digits "5"
    s:request "/voice"
    assert.equal("5", s:request("/voice").params.Digits)
    assert.truthy(s:warned(11100):find("underscore", 1, true))
    s:quiet()
  end)
end)

describe("V5 a web app", function()
  it("gets its cookies back, in the same call only", function()
    local s <close> = stage.open()
    s.web["/voice"] = function()
      return 200, stage.twiml "<Redirect>/next</Redirect>",
        { ["Content-Type"] = "text/xml", ["Set-Cookie"] = "session=a1; Path=/" }
    end
    s.web["/next"] = HANGUP
    run(s)
    run(s)
    local cookies = {}
    for i, request in ipairs(s.requests) do cookies[i] = request.headers.cookie or "none" end
    assert.same({ "none", "session=a1", "none", "session=a1" }, cookies)
  end)

  it("that asks for Basic credentials gets them once it has asked, then at once", function()
    local s <close> = stage.open(with_credentials "kate:s%%40cret")
    local function guarded(page)
      return function(request)
        if request.headers.authorization == "Basic a2F0ZTpzQGNyZXQ=" then return page end
        return 401, "who?", { ["WWW-Authenticate"] = 'Basic realm="app"' }
      end
    end
    s.web["/voice"] = guarded(stage.twiml("<Redirect>/next</Redirect>"))
    s.web["/next"] = guarded(stage.twiml("<Redirect>" .. s.app.url .. "/last</Redirect>"))
    s.web["/last"] = guarded(HANGUP)
    run(s)
    local seen = {}
    for i, request in ipairs(s.requests) do
      seen[i] = request.path .. (request.headers.authorization and " +" or " -")
      assert.equal(s.requests[1].params.CallSid, request.params.CallSid)
    end
    assert.same({ "/voice -", "/voice +", "/next +", "/last +" }, seen)
    assert.same({}, s:seen "warning")
    for _, event in ipairs(s:seen "webhook") do
      assert.falsy(event.url:find("s%40cret", 1, true))
    end
    run(s)
    assert.equal("/voice", s.requests[5].path)
    assert.is_nil(s.requests[5].headers.authorization) -- another call is another visitor
  end)

  it("that asks for Digest gets an answer that fits the question", function()
    local s <close> = stage.open(with_credentials "kate:secret")
    local function md5(text) return crypto.hex(crypto.digest("md5", text)) end
    s.web["/voice"] = function(request)
      local given = request.headers.authorization
      if not given then
        return 401, "", { ["WWW-Authenticate"] = 'Digest realm="app", nonce="n1", qop="auth"' }
      end
      local function part(name) return given:match("[ ,]" .. name .. '="?([^",]*)') end
      local expected = md5(table.concat({ md5 "kate:app:secret", "n1", part "nc", part "cnonce",
        "auth", md5("POST:" .. request.target) }, ":"))
      return part "response" == expected and HANGUP or 403
    end
    run(s)
    assert.equal(2, #s.requests)
    assert.same({}, s:seen "warning")
  end)

  it("whose credentials are refused is 11200, asked twice and not for ever", function()
    local s <close> = stage.open(with_credentials "kate:wrong")
    s.web["/voice"] = function()
      return 401, "", { ["WWW-Authenticate"] = 'Basic realm="app"' }
    end
    run(s)
    assert.equal(2, #s.requests)
    assert.truthy(s:warned(11200):find("401", 1, true))
    assert.falsy(s:warned(11200):find("wrong", 1, true))
  end)

  it("that redirects elsewhere does not give our credentials away", function()
    local s <close> = stage.open(with_credentials "kate:secret")
    local asked = {}
    local other = assert(moonline.http.serve({ address = "127.0.0.2" }, function(request)
      asked[#asked + 1] = request.headers.authorization or "none"
      return 401, "", { ["WWW-Authenticate"] = 'Basic realm="app"' }
    end))
    s.web["/voice"] = function() return 302, "", { Location = other.url .. "/trap" } end
    run(s)
    other:close()
    assert.same({ "none" }, asked)
    assert.truthy(s:warned(11200))
  end)

  it("is not asked for a GET document again while it is fresh, and with its mark later", function()
    local s <close> = stage.open()
    local again = stage.twiml '<Pause length="3"/><Redirect method="GET">/menu</Redirect>'
    local asked = 0
    s.web["/voice"] = stage.twiml '<Pause/><Redirect method="GET">/menu</Redirect>'
    s.web["/menu"] = function(request)
      asked = asked + 1
      if request.headers["if-none-match"] ~= '"m1"' then
        return 200, again,
          { ["Content-Type"] = "text/xml", ETag = '"m1"', ["Cache-Control"] = "max-age=5" }
      end
      if asked < 3 then return 304, nil, { ["Cache-Control"] = "max-age=5" } end
      return 200, HANGUP, XML
    end
    local alice = assert(s:call())
    s:quiet()
    assert.equal(3, asked)
    local marks = {}
    for i, request in ipairs(s:requests_to "/menu") do
      marks[i] = request.headers["if-none-match"] or "none"
    end
    assert.same({ "none", '"m1"', '"m1"' }, marks)
    assert.truthy(alice)
  end)

  it("is asked again for what came by POST", function()
    local s <close> = stage.open()
    local asked = 0
    s.web["/voice"] = function()
      asked = asked + 1
      return 200, asked < 3 and stage.twiml "<Redirect/>" or HANGUP,
        { ["Content-Type"] = "text/xml", ETag = '"v"', ["Cache-Control"] = "max-age=60" }
    end
    run(s)
    assert.equal(3, asked)
  end)

  it("that redirects once with 307 gets the form again, with the same token", function()
    local s <close> = stage.open()
    s.web["/voice"] = function() return 307, "", { Location = "/there" } end
    s.web["/there"] = HANGUP
    run(s)
    local one, two = s.requests[1], s.requests[2]
    assert.equal("POST", two.method)
    assert.equal(one.body, two.body)
    assert.equal(one.headers["i-twilio-idempotency-token"],
      two.headers["i-twilio-idempotency-token"])
    assert.equal(signed(s, two), two.headers["x-twilio-signature"])
  end)
end)

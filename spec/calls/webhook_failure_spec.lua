-- Web apps that are dead, slow, false or not to be asked at all: what the caller gets, what is told, and
-- that nobody else notices.
local audio = require "support.audio"
local certificate = require "support.certificate"
local dns = require "support.dns"
local moonline = require "moonline"
local stage = require "support.stage"

local HANGUP = "<Response><Hangup/></Response>"

local function at(path)
  return function(app) return { voice = { url = app .. path } } end
end

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

-- The code of the refusal and how long it took; nil when the call was answered.
local function refusal(s, options)
  local begun = moonline.clock()
  local leg, _, code = s:call(options)
  if leg then leg:hangup() end
  s:quiet()
  return not leg and code or nil, moonline.clock() - begun
end

-- The answer to one request, a byte a second.
local function trickle(request)
  request.core:begin(200, { { "Content-Type", "text/xml" } })
  for i = 1, 60 do
    if not request.core:write(HANGUP:sub(i, i)) then return end
    moonline.sleep(1)
  end
end

describe("V5 a web app", function()
  it("that is dead ends the call with 500 and 11205", function()
    local s <close> = stage.open(function() return { voice = { url = "http://127.0.0.1:9/v" } } end)
    local code, took = refusal(s)
    assert.equal(500, code)
    assert.is_true(took < 1)
    assert.same({ 11205 }, codes(s))
  end)

  it("that hangs up without an answer, or in the middle of one, is 11206", function()
    local s <close> = stage.open()
    s.web["/voice"] = function(request) request.core:drop() end
    assert.equal(500, (refusal(s)))
    s.web["/voice"] = function(request)
      request.core:begin(200, { { "Content-Type", "text/xml" }, { "Content-Length", "500" } })
      request.core:write(HANGUP)
      request.core:drop()
    end
    assert.equal(500, (refusal(s)))
    assert.same({ 11206, 11206 }, codes(s))
  end)

  it("has 15 s in all, whether it is silent or slow", function()
    local s <close> = stage.open()
    s.web["/voice"] = function()
      moonline.sleep(14)
      return HANGUP
    end
    assert.is_nil(refusal(s, { timeout = 60 }))
    s.web["/voice"] = function()
      moonline.sleep(20)
      return HANGUP
    end
    local code, took = refusal(s, { timeout = 60 })
    assert.equal(500, code)
    assert.near(15, took, 0.3)
    s.web["/voice"] = trickle
    code, took = refusal(s, { timeout = 60 })
    assert.equal(500, code)
    assert.near(15, took, 0.3)
    assert.same({ 11205, 11205 }, codes(s))
    moonline.sleep(50) -- the slow handlers end
  end)

  it("may be given less by the fragment of its URL", function()
    local s <close> = stage.open(at "/voice#rt=2000&rc=9")
    s.web["/voice"] = function()
      moonline.sleep(5)
      return HANGUP
    end
    local code, took = refusal(s)
    assert.equal(500, code)
    assert.near(2, took, 0.3)
    assert.same({ 11100, 11205 }, codes(s)) -- rc=9 is too many
    assert.equal("/voice", s.requests[1].target)
    moonline.sleep(5)
  end)

  it("that is slow delays no other call", function()
    local s <close> = stage.open()
    s.web["/voice"] = function(request)
      if request.params.To:find("sip:slow@", 1, true) then return trickle(request) end
      return stage.twiml '<Pause length="1"/>'
    end
    local slow = s:begin { uri = s:uri "slow" }
    moonline.sleep(1)
    for _ = 1, 3 do
      local begun = moonline.clock()
      assert(s:call())
      assert.near(1, moonline.clock() - begun, 0.2)
      moonline.sleep(1)
    end
    slow:hangup()
    moonline.sleep(60)
    s:quiet()
  end)

  it("that fails after the answer: the caller hears words, then gets a BYE", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Play digits="1"/><Redirect>/gone</Redirect>'
    local alice = assert(s:call())
    local ear <close> = audio.listen(s.alice, alice)
    s:quiet()
    local heard = ear:stop()
    assert.same({ 11200 }, codes(s))
    local sounds = audio.sounds(heard[1])
    assert.is_true(audio.total(sounds) > 1.5)
  end)

  it("that takes no callback does not disturb the call", function()
    local s <close> = stage.open(function(app)
      return { voice = { url = app .. "/voice", status_callback = "http://127.0.0.1:9/status" } }
    end)
    s.web["/voice"] = HANGUP
    assert.is_nil(refusal(s))
    moonline.sleep(1)
    assert.same({ 11205 }, codes(s))
    assert.truthy(s:warned(11205):find("callback not delivered", 1, true))
  end)
end)

describe("V5 a document that sends the call to itself", function()
  it("ends after a hundred rounds, and others are served meanwhile", function()
    local s <close> = stage.open()
    s.web["/voice"] = function(request)
      if request.params.To:find("sip:mad@", 1, true) then return stage.twiml "<Redirect/>" end
      return stage.twiml '<Pause length="1"/>'
    end
    local mad = s:begin { uri = s:uri "mad" }
    local alice = assert(s:call())
    s:quiet()
    assert.truthy(s:warned(12400))
    local rounds = 0
    for _, request in ipairs(s.requests) do
      if request.params.To:find("sip:mad@", 1, true) then rounds = rounds + 1 end
    end
    assert.equal(101, rounds)
    assert.truthy(alice)
    assert.equal(500, mad.box:wait({ "failed" }, 1).code)
  end)

  it("may go on for hours when it takes its time", function()
    local s <close> = stage.open()
    local rounds = 0
    s.web["/voice"] = function()
      rounds = rounds + 1
      if rounds > 300 then return HANGUP end
      return stage.twiml '<Pause length="30"/><Redirect/>'
    end
    local alice = assert(s:call { timeout = 60 })
    local begun = moonline.clock()
    s:quiet(20000)
    assert.equal(301, rounds)
    assert.near(300 * 30, moonline.clock() - begun, 60)
    assert.same({}, codes(s))
    assert.truthy(alice)
  end)

  it("by a recording of no length, a thousand times, is over at once", function()
    local s <close> = stage.open()
    s.web["/nothing.wav"] = function()
      return 200, audio.wav {}, { ["Content-Type"] = "audio/wav" }
    end
    s.web["/voice"] = stage.twiml '<Play loop="0">/nothing.wav</Play><Play loop="0">/x</Play>'
    local code, took = refusal(s)
    assert.is_nil(code)
    assert.is_true(took < 60)
  end)

  it("cannot wait for ever either", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Pause length="1000000000"/><Hangup/>'
    local code = refusal(s)
    assert.is_nil(code)
    assert.same({ 13910 }, codes(s))
  end)
end)

describe("V5 what may not be asked", function()
  -- The app on 127.0.0.1 is allowed; a server on 127.0.0.2 is a secret of the house.
  local function guarded()
    local asked = {}
    local secret = assert(moonline.http.serve({ address = "127.0.0.2" }, function(request)
      asked[#asked + 1] = request.path
      return HANGUP
    end))
    local s = stage.open {
      webhook = {
        deny = { "private" }, allow = { "127.0.0.1/32" },
        resolve = { ["inside.example"] = "127.0.0.2", ["six.example"] = "[::ffff:127.0.0.2]" },
      },
    }
    return s, secret, asked
  end

  it("is refused by its address, however it is written", function()
    local s, secret, asked = guarded()
    local port = secret.port
    local hosts = {
      "127.0.0.2", "127.2", "2130706434", "0x7f.2", "0x7f000002", "0177.0.0.2", "0.0.0.0",
      "[::]", "[::1]", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[64:ff9b::127.0.0.2]",
      "169.254.169.254", "inside.example", "six.example", "[fd00::1]", "10.0.0.1",
      "127.0.0.1@127.0.0.2", "127.0.0.1:80@127.2", "INSIDE.example",
    }
    local target
    s.web["/voice"] = function()
      return stage.twiml("<Redirect>" .. target .. "</Redirect>")
    end
    for _, host in ipairs(hosts) do
      target = ("http://%s:%d/secret"):format(host, port)
      refusal(s)
    end
    local seen = codes(s)
    assert.equal(#hosts, #seen)
    -- Some are no host names at all and not even tried.
    for i, code in ipairs(seen) do assert.truthy(code == 11205 or code == 11100, hosts[i]) end
    assert.same({}, asked)
    secret:close()
    s:close()
  end)

  it("is refused wherever a document names it, and where a redirect leads", function()
    local s, secret, asked = guarded()
    local target = secret.url .. "/secret"
    s.web["/hop"] = function() return 302, "", { Location = target } end
    s.web["/voice"] = function(request)
      if request.params.Digits then return stage.twiml "<Hangup/>" end
      return stage.twiml(("<Play>%s</Play><Play>/hop</Play>"
        .. '<Gather action="%s" numDigits="1" timeout="5"/>'):format(target, target))
    end
    local alice = assert(s:call())
    moonline.sleep(1)
    alice:send_digits "1"
    s:quiet()
    local seen = codes(s)
    assert.same({ 11205, 11205, 11205 }, seen)
    assert.same({}, asked)
    s.web["/voice"] = function() return 302, "", { Location = target } end
    assert.equal(500, (refusal(s)))
    secret:close()
    s:close()
  end)

  -- Rebinding: a name that is harmless when it is looked at, and leads elsewhere when it counts.
  it("is refused by the address that is connected to, when a name leads elsewhere", function()
    local asked = {}
    local secret <close> = assert(moonline.http.serve({ address = "127.0.0.2" }, function(request)
      asked[#asked + 1] = request.path
      return HANGUP
    end))
    local names <close> = dns.open {
      ["turns.test"] = { a = { "127.0.0.1" } },
      ["both.test"] = { a = { "127.0.0.2", "127.0.0.1" } },
      ["inside.test"] = { a = { "127.0.0.2" } }, ["meta.test"] = { a = { "169.254.169.254" } },
    }
    local s <close> = stage.open {
      webhook = { deny = { "private" }, allow = { "127.0.0.1/32" }, dns = { names.address } },
    }
    local port = s.app.url:match(":(%d+)$")
    local target
    s.web["/voice"] = function() return stage.twiml("<Redirect>" .. target .. "</Redirect>") end
    s.web["/good"] = HANGUP
    target = ("http://turns.test:%s/good"):format(port)
    assert.is_nil(refusal(s))
    names.names["turns.test"].a = { "127.0.0.2" }
    moonline.sleep(61) -- its time to live
    for _, host in ipairs { "turns.test", "inside.test", "meta.test", "both.test" } do
      target = ("http://%s:%d/secret"):format(host, secret.port)
      assert.equal(500, (refusal(s)), host)
    end
    assert.same({ 11205, 11205, 11205, 11205 }, codes(s))
    assert.same({}, asked)
  end)

  it("are our own listeners, also where everything is allowed", function()
    local s <close> = stage.open {
      sip = { listen = { "udp:127.0.0.1:0", "tcp:127.0.0.1:0" } },
      webhook = { allow = { "0.0.0.0/0", "::/0" }, deny = {} },
    }
    local target
    s.web["/voice"] = function() return stage.twiml("<Redirect>" .. target .. "</Redirect>") end
    local own = { s.server.env.public_url, "http://localhost:" .. s.server.http:port() }
    for _, one in ipairs(s.server.env.agent:addresses()) do
      own[#own + 1] = one:match("^tcp:(.*)$") and "http://" .. one:match("^tcp:(.*)$") or nil
    end
    for _, place in ipairs(own) do
      target = place .. "/health"
      assert.equal(500, (refusal(s)), place)
    end
    assert.equal(3, #own)
    assert.truthy(s:warned(11205):find("listener of this program", 1, true))
  end)

  it("is no other scheme", function()
    local s <close> = stage.open()
    local target
    s.web["/voice"] = function() return stage.twiml("<Redirect>" .. target .. "</Redirect>") end
    for _, text in ipairs { "file:///etc/passwd", "unix:/run/x.sock", "gopher://127.0.0.1:70/",
      "http://", "http:///x", "http://a b/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
      "http://127.0.0.1\nHost: x/", "javascript:1" } do
      target = text
      assert.is_nil(refusal(s), text)
    end
    for _, code in ipairs(codes(s)) do assert.equal(11100, code) end
    assert.equal(10, #codes(s))
    assert.equal(10, #s.requests)
  end)
end)

describe("V5 a web app on https", function()
  local function secure(paper, host, ca)
    local app = assert(moonline.http.serve(
      { certificate = paper.certificate, key = paper.key }, function() return HANGUP end))
    local s = stage.open {
      voice = { url = ("https://%s:%d/voice"):format(host, app.port) },
      webhook = { resolve = { ["app.example"] = "127.0.0.1", ["other.example"] = "127.0.0.1" },
        ca = ca },
    }
    local code = refusal(s)
    local seen = codes(s)
    app:close()
    s:close()
    return code, seen
  end

  it("is asked when its certificate is good, and told apart when it is not", function()
    local good <close> = certificate.make "app.example"
    local old <close> = certificate.make("app.example", "20210101000000Z")
    local function judge(...)
      local code, seen = secure(...)
      assert.equal(500, code)
      return seen
    end
    assert.same({}, select(2, secure(good, "app.example", good.certificate)))
    assert.same({ 11237 }, judge(good, "app.example")) -- signed by nobody we know
    assert.same({ 11235 }, judge(good, "other.example", good.certificate))
    assert.same({ 11236 }, judge(old, "app.example", old.certificate))
  end)

  it("is not, when it is none", function()
    local s <close> = stage.open(function(app)
      return { voice = { url = app:gsub("^http:", "https:") .. "/voice" } }
    end)
    assert.equal(500, (refusal(s)))
    assert.same({ 11220 }, codes(s))
  end)
end)

-- Trunks: registered with the carrier, called through, and let in by their address.
local moonline = require "moonline"
local peer = require "support.peer"
local phones = require "support.phones"
local stage = require "support.stage"
local story = require "support.story"

local NUMBER = "<Number>+15550100</Number>"

local function challenge(nonce)
  return 'WWW-Authenticate: Digest realm="carrier", nonce="' .. nonce .. '", qop="auth"'
end

-- A registrar that answers the n-th REGISTER with answers[n], the last for all that follow.
local function registrar(answers)
  local count = 0
  return peer.open(function(self, request)
    if request.method ~= "REGISTER" then return end
    count = math.min(count + 1, #answers)
    local answer = answers[count]
    if type(answer) == "function" then answer = answer(request) end
    if answer then self:reply(request, answer[1], answer[2]) end
  end)
end

local function granted(seconds)
  return function(request)
    return { "200 OK", { ("Contact: <%s>;expires=%d"):format(request:uri_of "Contact", seconds) } }
  end
end

local function open(trunks, more)
  local options = more or {}
  options.trunks = trunks
  return stage.open(options)
end

local function trunk_of(carrier, more)
  local trunk = { proxy = "sip:" .. carrier.where }
  for name, value in pairs(more or {}) do trunk[name] = value end
  return trunk
end

local function registering(carrier, more)
  local trunk = trunk_of(carrier, more)
  trunk.register, trunk.username, trunk.password = true, "line1", "secret"
  return trunk
end

local function health(s)
  local response = moonline.http.get("http://" .. s.server.http_address .. "/health")
  return moonline.json.decode(response.body)
end

describe("a trunk that registers", function()
  it("V2 logs in by digest at the start, and /health shows it", function()
    local carrier <close> = registrar { { "401 Unauthorized", { challenge "n1" } }, granted(1800) }
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    local first, second = table.unpack(carrier:of "REGISTER")
    assert.equal(2, #carrier:of "REGISTER")
    assert.equal("sip:" .. carrier.where, first.uri)
    assert.equal("<sip:line1@" .. carrier.where .. ">", first:get "To")
    assert.matches("^<sip:line1@127%.0%.0%.1:%d+>;expires=3600$", first:get "Contact")
    assert.is_nil(first:get "Authorization")
    assert.matches('username="line1"', second:get "Authorization")
    assert.equal(first:get "Call-ID", second:get "Call-ID")
    assert.same({ carrier = "registered" }, health(s).trunks)
  end)

  it("V2 refreshes at three quarters of what was granted, and knows its nonce again", function()
    local carrier <close> = registrar { { "401 Unauthorized", { challenge "n1" } }, granted(100) }
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    moonline.sleep(300)
    local list = carrier:of "REGISTER"
    assert.equal(2 + 4, #list)
    for i = 3, #list do
      assert.near(75, list[i].time - list[i - 1].time, 1)
      assert.matches(("nc=%08x"):format(i - 1), list[i]:get "Authorization")
    end
    assert.is_table(s)
  end)

  it("V2 takes the longer time a registrar wants (423)", function()
    local carrier <close> = registrar {
      { "423 Interval Too Brief", { "Min-Expires: 7200" } }, granted(7200),
    }
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    local list = carrier:of "REGISTER"
    assert.matches("expires=7200$", list[2]:get "Contact")
    assert.equal("registered", health(s).trunks.carrier)
  end)

  it("V2 tries again with growing pauses, as late as Retry-After says, and says so", function()
    local carrier <close> = registrar {
      { "403 Forbidden" }, { "500 Error" }, { "500 Error" },
      { "500 Error", { "Retry-After: 300" } }, granted(3600),
    }
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    assert.equal("failed: 403", health(s).trunks.carrier)
    moonline.sleep(500)
    local list = carrier:of "REGISTER"
    assert.equal(5, #list)
    for i, pause in ipairs { 10, 20, 40 } do
      local took = list[i + 1].time - list[i].time
      assert.is_true(took >= pause * 0.74 and took <= pause * 1.26, took .. " s")
    end
    assert.is_true(list[5].time - list[4].time >= 300)
    assert.equal("registered", health(s).trunks.carrier)
  end)

  it("V2 goes to its next proxy when the first is silent, unreachable or overloaded", function()
    local silent <close> = peer.open()
    local busy <close> = registrar { { "503 Overloaded" } }
    local good <close> = registrar { granted(3600) }
    for _, first in ipairs { silent.where, busy.where, "127.0.0.1:9", "nowhere.invalid:5060" } do
      local before = #good:of "REGISTER"
      local s <close> = open { carrier = registering(good, {
        proxy = { "sip:" .. first, "sip:" .. good.where } }) }
      moonline.sleep(5)
      assert.equal("registered", health(s).trunks.carrier, first)
      assert.equal(before + 1, #good:of "REGISTER")
    end
  end)

  it("V2 gives up its place when the server is drained", function()
    local carrier <close> = registrar { { "401 Unauthorized", { challenge "n1" } }, granted(1800) }
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    s.server:drain()
    moonline.sleep(1)
    local list = carrier:of "REGISTER"
    assert.equal(3, #list)
    assert.matches("expires=0$", list[3]:get "Contact")
    assert.matches('username="line1"', list[3]:get "Authorization")
  end)

  it("SIP-23 does not answer a second refusal, nor show the password elsewhere", function()
    local other <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "401 Unauthorized", { challenge "elsewhere" })
      end
    end)
    local carrier <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "302 Moved", { "Contact: <sip:x@" .. other.where .. ">" })
      elseif request.method == "REGISTER" then
        self:reply(request, "401 Unauthorized", { challenge "same" })
      end
    end)
    local s <close> = open { carrier = registering(carrier) }
    moonline.sleep(1)
    assert.equal(2, #carrier:of "REGISTER")
    local params = phones.dial(s, NUMBER)
    assert.equal("failed", params.DialCallStatus)
    assert.equal(1, #other:of "INVITE")
    assert.is_nil(other:of("INVITE")[1]:get "Authorization")
    s:quiet()
  end)

  it("V2 comes, changes and goes with SIGHUP; what has not changed stays", function()
    local old <close> = registrar { granted(3600) }
    local fresh <close> = registrar { granted(3600) }
    local s <close> = open { old = registering(old), stays = registering(fresh) }
    moonline.sleep(1)
    assert.equal(1, #fresh:of "REGISTER")
    s.server.trunks:update { trunks = {
      fresh = registering(fresh, { proxy = { "sip:" .. fresh.where } }),
      stays = registering(fresh, { proxy = { "sip:" .. fresh.where } }),
    } }
    moonline.sleep(1)
    assert.equal(2, #old:of "REGISTER")
    assert.matches("expires=0$", old:of("REGISTER")[2]:get "Contact")
    assert.equal(2, #fresh:of "REGISTER")
    assert.same({ fresh = "registered", stays = "registered" }, s.server.trunks:status())
  end)
end)

describe("a call through a trunk", function()
  it("V2 goes to the proxy with the number, by its credentials (407)", function()
    local s <close> = open {}
    local asked = 0
    local carrier <close> = peer.open(function(self, request)
      if request.method == "BYE" then return self:reply(request, "200 OK") end
      if request.method ~= "INVITE" then return end
      asked = asked + 1
      if asked == 1 then
        return self:reply(request, "407 Proxy Authentication Required",
          { (challenge("n1"):gsub("WWW", "Proxy")) })
      end
      self:reply(request, "200 OK", nil, peer.sdp())
    end)
    s.server.env.config.trunks.carrier = { proxy = { "sip:" .. carrier.where }, username = "u",
      password = "p" }
    assert(s.server:reload())
    local params = phones.dial(s, NUMBER, { talk = 1 })
    assert.equal("completed", params.DialCallStatus)
    local list = carrier:of "INVITE"
    assert.equal(2, #list)
    assert.equal("sip:+15550100@" .. carrier.where, list[2].uri)
    assert.matches('username="u"', list[2]:get "Proxy-Authorization")
    assert.is_nil(list[2]:get "Route")
    assert.equal(list[1].body, list[2].body)
    s:quiet()
  end)

  it("V2 fails over to the next proxy, and comes back as one call", function()
    local silent <close> = peer.open()
    local good <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
    end)
    local proxies = { "sip:" .. silent.where, "sip:" .. good.where }
    local s <close> = open { carrier = { proxy = proxies } }
    local params = phones.dial(s, NUMBER)
    assert.equal("busy", params.DialCallStatus)
    assert.equal(1, #good:of "INVITE")
    assert.equal(silent:of("INVITE")[1]:get "Call-ID", good:of("INVITE")[1]:get "Call-ID")
    s:quiet(100)
  end)

  it("V2 leaves from the region of the trunk", function()
    local here = story.own_address(21)
    local carrier <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
    end)
    local s <close> = open({ carrier = trunk_of(carrier, { region = "ie1" }) },
      { sip = { regions = { ie1 = { bind = here } } } })
    assert.equal("busy", phones.dial(s, NUMBER).DialCallStatus)
    assert.equal(here, carrier:of("INVITE")[1].address)
    s:quiet()
  end)
end)

describe("a call from a trunk", function()
  it("V2 is let in by the address of its proxy, others are not", function()
    local carrier, stranger = story.own_address(31), story.own_address(32)
    local s <close> = stage.open {
      sip = { allow = { "192.0.2.0/24" }, resolve = { ["carrier.example"] = carrier .. ":5060" } },
      trunks = { carrier = { proxy = "sip:carrier.example" } },
    }
    s.web["/voice"] = '<Response><Reject reason="busy"/></Response>'
    moonline.sleep(0.1)
    local friend = s:phone("c", nil, { listen = { "udp:" .. carrier .. ":0" } })
    local other = s:phone("d", nil, { listen = { "udp:" .. stranger .. ":0" } })
    local _, _, code = friend:call(s:uri())
    assert.equal(486, code)
    _, _, code = other:call(s:uri())
    assert.equal(403, code)
    s:quiet()
  end)
end)

describe("the configuration of trunks", function()
  it("V2 says what is missing", function()
    local config = require "moonline.config"
    local function problem(trunk)
      local values = { trunks = { carrier = trunk } }
      local _, problems = config.load { values = values, environment = {} }
      return problems[1] and problems[1].message
    end
    assert.matches("proxy", problem { username = "u" })
    assert.matches("needs a username", problem { proxy = "sip:a", register = true })
    assert.matches("letters, digits", problem { proxy = "sip:a", from = "a b" })
    assert.is_nil(problem { proxy = { "sip:a", "sip:b" }, from = "+1555" })
  end)
end)

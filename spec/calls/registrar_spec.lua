-- The registrar: phones log in, stay reachable, and leave (RFC 3261 10.3).
local moonline = require "moonline"
local peer = require "support.peer"
local registering = require "support.registering"
local stage = require "support.stage"
local wire = require "support.wire"

local USERS = { alice = "wonder", bob = "builder" }

local function open(options)
  options = options or {}
  options.sip = { users = USERS }
  return stage.open(options)
end

local function registered(s, user)
  return s.server.env.agent:registered(user)
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, inner in pairs(value) do result[key] = copy(inner) end
  return result
end

-- The registrar's URI for a user.
local function aor(s, user)
  return (s:uri(user))
end

local function contact(port, more)
  return ("Contact: <sip:alice@192.0.2.1:%d>%s"):format(port, more or "")
end

describe("the registrar", function()
  it("V2 registers a phone by digest, and lists it with the seconds it has", function()
    local s <close> = open()
    local phone = s:phone "alice"
    local held <close> = assert(phone:register(aor(s, "alice"),
      { password = "wonder", expires = 600 }))
    assert.equal("registered", held.status)
    assert.equal(600, held.granted)
    local list = registered(s, "alice")
    assert.equal(1, #list)
    assert.equal(held.contact, list[1].uri)
    assert.equal(phone.addresses[1], list[1].source)
    assert.is_true(list[1].expires > 598 and list[1].expires <= 600)
    assert.same({}, registered(s, "bob"))
  end)

  it("V2 asks everybody for credentials, also who may call without any", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local answer = odd:send { contact(5060) }
    assert.equal(401, answer.code)
    assert.equal(1, #answer:values "WWW-Authenticate")
    assert.matches("algorithm=MD5", answer:get "WWW-Authenticate")
    assert.same({}, registered(s))
  end)

  it("V2 offers SHA-256 beside MD5 when sip.digest says so, and takes it", function()
    local s <close> = stage.open { sip = { users = USERS, digest = { "MD5", "SHA-256" } } }
    local odd <close> = registering.open(s)
    local offered = odd:send({ contact(5060) }):values "WWW-Authenticate"
    assert.matches("algorithm=MD5", offered[1])
    assert.matches("algorithm=SHA%-256", offered[2])
    local phone = s:phone "alice" -- takes the stronger one
    assert(phone:register(aor(s, "alice"), { password = "wonder" }))
    local used
    for _, event in ipairs(s:seen "message") do
      used = used or event.text:match "\nAuthorization: .*algorithm=([%w-]+)"
    end
    assert.equal("SHA-256", used)
  end)

  it("SIP-22 gives the same answer for a wrong password and for a user there is not", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local wrong = odd:as("alice", "guess", { contact(5060) })
    local unknown = odd:as("mallory", "guess", { contact(5060) }, { to = "mallory" })
    for _, answer in ipairs { wrong, unknown } do
      assert.equal(401, answer.code)
      assert.is_nil(answer:get("WWW-Authenticate"):find("stale", 1, true))
    end
    assert.equal(#wrong.headers, #unknown.headers)
    assert.same({}, registered(s))
  end)

  it("SIP-22 does not hear a source for a minute after 20 wrong passwords", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    for _ = 1, 20 do assert.equal(401, odd:as("alice", "guess", { contact(5060) }).code) end
    assert.equal(403, odd:send({ contact(5060) }).code)
    moonline.sleep(61)
    assert.equal(200, odd:as("alice", "wonder", { contact(5060) }).code)
  end)

  it("V2 registers nobody for another: 403", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    assert.equal(403, odd:as("bob", "builder", { contact(5060) }, { to = "alice" }).code)
    assert.same({}, registered(s))
  end)

  it("V2 has several phones of one user, each with its own time", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local answer = odd:as("alice", "wonder", { contact(5001, ";expires=100"), contact(5002),
      "Expires: 200" })
    assert.equal(200, answer.code)
    assert.equal("<sip:alice@192.0.2.1:5001>;expires=100, <sip:alice@192.0.2.1:5002>;expires=200",
      table.concat(answer:values "Contact", ", "))
    assert.equal(2, #registered(s, "alice"))
    assert.equal(200, odd:as("alice", "wonder", { contact(5001, ";expires=0") }).code)
    assert.equal("sip:alice@192.0.2.1:5002", registered(s, "alice")[1].uri)
    assert.equal(1, #registered(s, "alice"))
  end)

  it("V2 knows a contact again that is spelt otherwise (RFC 3261 19.1.4)", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    odd:as("alice", "wonder", { "Contact: <sip:alice@PBX.example.com:5060>" })
    odd:as("alice", "wonder", { "Contact: <sip:alice@pbx.EXAMPLE.com:5060>" })
    assert.equal(1, #registered(s, "alice"))
  end)

  it("V2 takes a device that comes back elsewhere for the same one (RFC 5626)", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local device = ';+sip.instance="<urn:uuid:1>";reg-id=1'
    odd:as("alice", "wonder", { contact(5001, device) })
    odd:as("alice", "wonder", { contact(5002, device) }, { id = "after-its-boot" })
    local list = registered(s, "alice")
    assert.equal(1, #list)
    assert.equal("sip:alice@192.0.2.1:5002", list[1].uri)
  end)

  it("V2 gives a list to who sends no Contact, and empties it for a star", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    odd:as("alice", "wonder", { contact(5001), contact(5002) })
    local list = odd:as("alice", "wonder", {})
    assert.equal(200, list.code)
    assert.matches("5001>;expires=3600.*5002>;expires=3600",
      table.concat(list:values "Contact", ","))
    assert.equal(400, odd:as("alice", "wonder", { "Contact: *" }).code)
    assert.equal(400, odd:as("alice", "wonder", { "Contact: *", "Expires: 60" }).code)
    assert.equal(400, odd:as("alice", "wonder", { "Contact: *", contact(5003), "Expires: 0" }).code)
    assert.equal(2, #registered(s, "alice"))
    local gone = odd:as("alice", "wonder", { "Contact: *", "Expires: 0" })
    assert.equal(200, gone.code)
    assert.is_nil(gone:get "Contact")
    assert.same({}, registered(s))
  end)

  it("V2 wants at least a minute (423 with Min-Expires) and gives at most two hours", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local short = odd:as("alice", "wonder", { contact(5001), "Expires: 59" })
    assert.equal(423, short.code)
    assert.equal("60", short:get "Min-Expires")
    assert.same({}, registered(s))
    local long = odd:as("alice", "wonder", { contact(5001), "Expires: 999999999" })
    assert.matches("expires=7200", long:get "Contact")
    local phone = s:phone "bob"
    local held <close> = assert(phone:register(aor(s, "bob"),
      { password = "builder", expires = 5 }))
    assert.equal(60, held.granted)
  end)

  it("V2 does nothing of a request that is older than what it knows (10.3, 7)", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    assert.equal(200, odd:as("alice", "wonder", { contact(5001) }, { cseq = 50 }).code)
    assert.equal(500, odd:as("alice", "wonder", { contact(5002), contact(5001, ";expires=0") },
      { cseq = 49 }).code)
    local list = registered(s, "alice")
    assert.equal(1, #list)
    assert.equal("sip:alice@192.0.2.1:5001", list[1].uri)
  end)

  it("V2 has room for ten phones of one user", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    local ten = {}
    for i = 1, 10 do ten[i] = contact(5000 + i) end
    assert.equal(200, odd:as("alice", "wonder", ten).code)
    assert.equal(503, odd:as("alice", "wonder", { contact(6000) }).code)
    assert.equal(200, odd:as("alice", "wonder", { contact(5001) }).code)
    assert.equal(10, #registered(s, "alice"))
  end)

  it("SIP-25 refuses contacts nobody can call", function()
    local s <close> = open()
    local odd <close> = registering.open(s)
    for _, bad in ipairs { "<mailto:a@b>", "<sip:>", "<name:alice>", "sip:a b@c", "<tel:+1555>",
      "<sip:alice@" .. ("x"):rep(600) .. ">" } do
      local answer = odd:as("alice", "wonder", { "Contact: " .. bad })
      assert.equal(400, answer.code, bad)
    end
    assert.same({}, registered(s))
  end)

  it("V2 forgets a phone when its time is over", function()
    local s <close> = open()
    local phone = s:phone "alice"
    local held = assert(phone:register(aor(s, "alice"), { password = "wonder", expires = 60 }))
    held:close()
    moonline.sleep(59)
    assert.equal(1, #registered(s, "alice"))
    moonline.sleep(2)
    assert.same({}, registered(s))
  end)

  it("V2 keeps a phone that refreshes, and knows at once when it leaves", function()
    local s <close> = open()
    local phone = s:phone "alice"
    do
      local _ <close> = assert(phone:register(aor(s, "alice"),
        { password = "wonder", expires = 60 }))
      moonline.sleep(600)
      assert.equal(1, #registered(s, "alice"))
    end
    assert.same({}, registered(s))
  end)

  it("V2 asks each phone every 30 s whether it is there, and drops who does not answer", function()
    local s <close> = open()
    local silent, asked = false, 0
    local odd <close> = registering.open(s, function(self, request)
      if request.method ~= "OPTIONS" then return end
      asked = asked + 1
      if not silent then self:reply(request, "405 No") end
    end)
    odd:as("alice", "wonder", { contact(5060) })
    moonline.sleep(301)
    assert.equal(10, asked)
    assert.equal(1, #registered(s, "alice"))
    silent = true
    moonline.sleep(100)
    assert.same({}, registered(s))
  end)

  it("V2 survives a new load of the policy, and SIGHUP changes the users", function()
    local users = { alice = "wonder" }
    local s <close> = stage.open { sip = { users = { alice = "wonder", bob = "builder" } } }
    local alice, bob = s:phone "alice", s:phone "bob"
    assert(alice:register(aor(s, "alice"), { password = "wonder" }))
    assert(bob:register(aor(s, "bob"), { password = "builder" }))
    assert(s.server:reload())
    assert.equal(1, #registered(s, "alice"))
    local config = s.server.env.config
    s.server.options.reload = function()
      local fresh = copy(config)
      fresh.sip.users = users
      return fresh
    end
    require("moonline.reload").configuration(s.server)
    assert.equal(1, #registered(s, "alice"))
    assert.same({}, registered(s, "bob"))
    assert.is_nil(bob:register(aor(s, "bob"), { password = "builder" }))
  end)

  it("V2 without users is none: 405", function()
    local s <close> = stage.open()
    local phone = s:phone "alice"
    local _, why, code = phone:register(aor(s, "alice"), { password = "x" })
    assert.equal("refused", why)
    assert.equal(405, code)
  end)

  it("SIP-17 answers a flood at a bounded rate, and calls go on", function()
    local s <close> = open()
    s.web["/voice"] = stage.twiml '<Reject reason="busy"/>'
    local odd <close> = registering.open(s)
    for i = 1, 400 do odd:send({ contact(5060) }, { mark = "f" .. i, timeout = 0 }) end
    moonline.sleep(0.2)
    local answers = 0
    while odd.box:wait({ "answer" }, 0) do answers = answers + 1 end
    assert.is_true(answers >= 50 and answers <= 130, answers .. " answers")
    local _, _, code = s:call()
    assert.equal(486, code)
  end)
end)

describe("a phone of a script", function()
  it("L1 is told why it is not registered", function()
    local s <close> = open()
    local phone = s:phone "alice"
    local function fails(...)
      local _, why, detail = phone:register(...)
      return why, detail
    end
    assert.same({ "refused", 401 }, { fails(aor(s, "alice"), { password = "no" }) })
    assert.same({ "dns", "the name does not resolve" }, { fails "sip:alice@nowhere.invalid" })
    local nobody <close> = peer.open()
    assert.equal("timeout", (fails("sip:alice@" .. nobody.where)))
    assert.has_error(function() phone:register "alice" end)
  end)

  it("SIP-23 gives its password to the registrar alone, and only twice", function()
    local seen = {}
    local registrar <close> = peer.open(function(self, request)
      seen[#seen + 1] = request
      self:reply(request, "401 Unauthorized",
        { 'WWW-Authenticate: Digest realm="a", nonce="' .. #seen .. '", qop="auth"' })
    end)
    local s <close> = stage.open()
    local phone = s:phone "alice"
    local _, _, code = phone:register("sip:alice@" .. registrar.where, { password = "x" })
    assert.equal(401, code)
    assert.equal(2, #seen)
    assert.equal(seen[1]:get "Call-ID", seen[2]:get "Call-ID")
    assert.equal("1 REGISTER", seen[1]:get "CSeq")
    assert.equal("2 REGISTER", seen[2]:get "CSeq")
    assert.is_nil(wire.parse(seen[1].text):get "Authorization")
  end)
end)

-- S19: the documents of the page this project began with, run as they are printed: example.com and
-- myapp.com lead to parties of the test.
local certificate = require "support.certificate"
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"
local wire = require "support.wire"

local FOLDER <const> = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") .. "/documents/"

local function read(name)
  local file <close> = assert(io.open(FOLDER .. name .. ".xml"))
  return file:read "a"
end

-- A stage with that document, in strict mode, and a phone at example.com: its INVITEs.
local function open(name, options)
  options = options or {}
  local phone = options.phone or {}
  phone.listen = { (options.transport or "udp") .. ":127.0.0.1:0" }
  local invites, fn = {}, options.fn or story.answers
  local kate = assert(moonline.agent(phone))
  kate:on("call", function(call)
    invites[#invites + 1] = wire.of_leg(call)
    return fn(call)
  end)
  local sip = options.sip or {}
  sip.resolve = { ["example.com"] = kate.addresses[1]:match("^%l+:(.*)$") }
  local s = stage.open { sip = sip, twiml = { mode = "strict" }, webhook = options.webhook }
  s.phones[#s.phones + 1] = kate
  s.web["/voice"] = read(name)
  return s, invites
end

local function talk(s)
  local alice = s:begin()
  story.bridged(s)
  moonline.sleep(2)
  alice:hangup()
  s:quiet()
  assert.equal(0, #s:seen "warning")
end

describe("a document of the page", function()
  it("S19 region: leaves from that region's address", function()
    local regions = { ie1 = { bind = "127.0.0.2" } }
    local s <close>, invites = open("region", { sip = { regions = regions } })
    talk(s)
    assert.equal("sip:alice@example.com", invites[1].uri)
    assert.equal("127.0.0.2", invites[1].source)
  end)

  it("S19 endpoint: is called", function()
    local s <close>, invites = open "endpoint"
    talk(s)
    assert.equal("sip:jack@example.com", invites[1].uri)
    assert.equal("udp", invites[1].transport)
  end)

  it("S19 example 1: is called", function()
    local s <close>, invites = open "example-1-endpoint"
    talk(s)
    assert.equal("sip:kate@example.com", invites[1].uri)
  end)

  for _, name in ipairs { "authentication", "example-2-authentication" } do
    it("S19 " .. name .. ": satisfies a callee that asks for it", function()
      local s <close>, invites = open(name, { phone = { allow = {}, users = { admin = "1234" } } })
      talk(s)
      assert.equal("sip:kate@example.com", invites[1].uri)
      assert.is_string(invites[1]:get "Authorization")
    end)
  end

  for name, user in pairs { headers = "jack", ["example-3-headers"] = "kate" } do
    it("S19 " .. name .. ": go with the INVITE", function()
      local s <close>, invites = open(name)
      talk(s)
      assert.equal("sip:" .. user .. "@example.com", invites[1].uri)
      assert.equal("foo", invites[1]:get "X-mycustomheader")
      assert.equal("bar", invites[1]:get "X-myotherheader")
    end)
  end

  it("S19 tcp: goes over tcp", function()
    local s <close>, invites = open("tcp", { transport = "tcp" })
    talk(s)
    assert.equal("sip:jack@example.com;transport=tcp", invites[1].uri)
    assert.equal("tcp", invites[1].transport)
  end)

  it("S19 tls: goes over TLS", function()
    local paper <close> = certificate.make "example.com"
    local s <close>, invites = open("tls", { transport = "tls",
      phone = { tls = { certificate = paper.certificate, key = paper.key } },
      sip = { tls = { ca = paper.certificate } } })
    talk(s)
    assert.equal("sip:jack@example.com;transport=tls", invites[1].uri)
    assert.equal("tls", invites[1].transport)
  end)

  it("S19 example 4: screens, records, calls as bob, ends on the star, asks the action", function()
    local s <close>, invites = open "example-4-attributes"
    local screened
    s.web["/handle_screening_on_answer"] = function(request)
      screened = request
      return stage.twiml "<Pause length='1'/>"
    end
    s.web["/handle_post_dial"] = stage.twiml "<Hangup/>"
    local alice = s:begin()
    story.bridged(s)
    moonline.sleep(2)
    alice.core:play { digits = "*" }
    local action = s:request "/handle_post_dial"
    assert.equal("POST", action.method)
    assert.equal("completed", action.params.DialCallStatus)
    assert.equal("true", action.params.DialBridged)
    assert.is_string(action.params.RecordingUrl)
    assert.equal("POST", screened.method)
    assert.equal(action.params.DialCallSid, screened.params.CallSid)
    assert.equal(action.params.CallSid, screened.params.ParentCallSid)
    assert.equal("sip:bob@127.0.0.1", invites[1]:uri_of "From")
    assert.equal("foo", invites[1]:get "X-customheader")
    s:quiet()
    assert.equal(0, #s:seen "warning")
  end)

  it("S19 example 4: gives up after its ten seconds", function()
    local s <close> = open("example-4-attributes", { fn = story.rings })
    s.web["/handle_post_dial"] = stage.twiml "<Hangup/>"
    local begun = moonline.clock()
    s:begin()
    assert.equal("no-answer", s:request("/handle_post_dial").params.DialCallStatus)
    assert.near(10, moonline.clock() - begun, 0.5)
    s:quiet()
  end)

  it("S19 example 5: tells the four events to an https URL", function()
    local paper <close> = certificate.make "myapp.com"
    local told = {}
    local app <close> = assert(moonline.http.serve({ certificate = paper.certificate,
      key = paper.key }, function(request)
      told[#told + 1] = request
      return 200, ""
    end))
    local s <close> = open("example-5-progress-events", {
      fn = function(call)
        call:ring()
        moonline.sleep(1)
        story.answers(call)
      end,
      webhook = { ca = paper.certificate, resolve = { ["myapp.com"] = "127.0.0.1:" .. app.port } },
    })
    talk(s)
    moonline.sleep(1)
    local statuses = {}
    for i, request in ipairs(told) do
      statuses[i] = request.params.CallStatus
      assert.equal("/calls/events", request.path)
      assert.equal("POST", request.method)
      assert.equal(tostring(i - 1), request.params.SequenceNumber)
    end
    assert.same({ "initiated", "ringing", "in-progress", "completed" }, statuses)
  end)
end)

-- S6: a region is an egress: where SIP and RTP of a dialled leg leave from, and by whom they go.
local moonline = require "moonline"
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"
local task = require "moonline.core.task"
local udp = require "moonline.core.udp"

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

-- Answers, its audio at `port`.
local function takes(port)
  return function(self, request)
    if request.method == "INVITE" then self:reply(request, "200 OK", nil, peer.sdp(port)) end
    if request.method == "BYE" then self:reply(request, "200 OK") end
  end
end

local function open(regions, more)
  local sip = more or {}
  sip.regions = regions
  return stage.open { sip = sip }
end

local function listener_port(s)
  return s:uri():match("%d+$")
end

describe("a region", function()
  it("S6 binds source, Via, Contact, From and SDP of the leg to its address", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2" } }
    local kate <close> = peer.open(busy)
    assert.equal("busy", story.dial(s, kate.uri .. ";region=ie1").DialCallStatus)
    local invite = kate:of("INVITE")[1]
    local own = "127.0.0.2:" .. listener_port(s)
    assert.equal("127.0.0.2", invite.address)
    assert.equal(listener_port(s), tostring(invite.port))
    assert.equal(own, invite:get("Via"):match("^SIP/2%.0/UDP ([^;]+)"))
    assert.equal("sip:" .. own, invite:uri_of "Contact")
    assert.equal("sip:alice@127.0.0.2", invite:uri_of "From")
    assert.matches("\r\nc=IN IP4 127%.0%.0%.2\r\n", invite.body)
    assert.matches("\r\no=%- %d+ %d+ IN IP4 127%.0%.0%.2\r\n", invite.body)
    s:quiet()
  end)

  it("S6 is where the audio of the leg comes from", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2" } }
    local box = task.mailbox(100000)
    local audio <close> = assert(udp.open("127.0.0.1", 0, box))
    local kate <close> = peer.open(takes(audio:port()))
    local alice = story.begin(s, kate.uri .. ";region=ie1")
    alice:wait { "answered" }
    alice.core:play { tone = "440/1000", ms = 1000 }
    local packet = box:wait({ "datagram" }, 10)
    assert.equal("127.0.0.2", packet.address)
    assert.equal(kate:of("INVITE")[1].body:match("m=audio (%d+)"), tostring(packet.port))
    moonline.sleep(1)
    alice:hangup()
    assert.equal("true", s:request("/after").params.DialBridged)
    s:quiet()
  end)

  it("S6 of a leg that is up stays its egress: ACK and BYE come from there", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2" } }
    local kate <close> = peer.open(takes())
    story.talk(s, kate.uri .. ";region=ie1")
    s:quiet()
    assert.equal("127.0.0.2", kate:of("ACK")[1].address)
    assert.equal("127.0.0.2", kate:of("BYE")[1].address)
  end)

  it("S6 works over tcp, where Via and Contact name the listener's port", function()
    local s <close> = open({ ie1 = { bind = "127.0.0.2" } },
      { listen = { "udp:127.0.0.1:0", "tcp:127.0.0.1:0" } })
    local kate = story.phone(s, "kate", story.answers, { listen = { "tcp:127.0.0.1:0" } })
    assert.equal("completed", story.talk(s, kate.address .. ";region=ie1").DialCallStatus)
    local invite = kate.invites[1]
    local own = "127.0.0.2:" .. s:uri("line", 2):match(":(%d+);")
    assert.equal("127.0.0.2", invite.source)
    assert.equal(own, invite:get("Via"):match("^SIP/2%.0/TCP ([^;]+)"))
    assert.equal("sip:" .. own .. ";transport=tcp", invite:uri_of "Contact")
    assert.equal(kate.address, invite.uri)
    s:quiet()
  end)

  it("S6 never leaves in the Request-URI, To or Route", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2" } }
    local kate <close> = peer.open(busy)
    local tries = { ";region=ie1", ";Region=IE1", ";a=b;region=ie1;c=d", ";region=sg1" }
    for _, written in ipairs(tries) do
      story.dial(s, kate.uri .. written)
      s:quiet()
      local list = kate:of "INVITE"
      local invite = list[#list]
      assert.is_nil(invite.text:lower():find("region", 1, true))
    end
    assert.equal(kate.uri .. ";a=b;c=d", kate:of("INVITE")[3].uri)
    assert.equal("127.0.0.2", kate:of("INVITE")[2].address)
  end)

  it("S6 that is known and not configured uses the default egress", function()
    for _, name in ipairs { "us1", "us2", "ie1", "de1", "sg1", "jp1", "br1", "au1" } do
      local s <close> = open {}
      local kate <close> = peer.open(busy)
      assert.equal("busy", story.dial(s, kate.uri .. ";region=" .. name).DialCallStatus)
      assert.equal("127.0.0.1", kate:of("INVITE")[1].address)
      assert.is_nil(s:warned(13243))
      s:quiet()
    end
  end)

  it("S6 is us1 where the URI names none", function()
    local s <close> = open { us1 = { bind = "127.0.0.3" }, ie1 = { bind = "127.0.0.2" } }
    local kate <close> = peer.open(busy)
    story.dial(s, kate.uri)
    assert.equal("127.0.0.3", kate:of("INVITE")[1].address)
    s:quiet()
  end)

  it("S6 of an unknown name is 13243", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2" } }
    local kate <close> = peer.open(busy)
    local params = story.dial(s, kate.uri .. ";region=mars1")
    assert.equal("failed", params.DialCallStatus)
    assert.is_true(story.no_child(params))
    assert.matches("mars1", s:warned(13243))
    assert.equal(0, #kate.requests)
    s:quiet()
  end)

  it("S6 may have an outbound proxy, which gets the INVITE with a Route to it", function()
    for _, parameter in ipairs { ";lr", "" } do
      local proxy <close> = peer.open(busy)
      local route = "sip:" .. proxy.where .. parameter
      local s <close> = open { ie1 = { bind = "127.0.0.2", proxy = route } }
      assert.equal("busy", story.dial(s, "sip:kate@far.test;x=y;region=ie1").DialCallStatus)
      local invite = proxy:of("INVITE")[1]
      assert.equal("sip:kate@far.test;x=y", invite.uri)
      assert.equal("<sip:" .. proxy.where .. ";lr>", invite:get "Route")
      assert.equal("<sip:kate@far.test>", invite:get "To")
      assert.equal("127.0.0.2", invite.address)
      s:quiet()
    end
  end)

  it("S6 advertises another address in Via, Contact and SDP", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2", advertise = "203.0.113.7" } }
    local kate <close> = peer.open(busy)
    story.dial(s, kate.uri .. ";region=ie1")
    local invite = kate:of("INVITE")[1]
    assert.equal("127.0.0.2", invite.address)
    assert.equal("203.0.113.7:" .. listener_port(s), invite:get("Via"):match("UDP ([^;]+)"))
    assert.equal("sip:203.0.113.7:" .. listener_port(s), invite:uri_of "Contact")
    assert.equal("sip:alice@203.0.113.7", invite:uri_of "From")
    assert.matches("\r\nc=IN IP4 203%.0%.113%.7\r\n", invite.body)
    s:quiet()
  end)

  it("S6 advertises it in the requests of the dialog, too", function()
    local s <close> = open { ie1 = { bind = "127.0.0.2", advertise = "203.0.113.7" } }
    local kate <close> = peer.open(takes())
    assert.equal("true", story.talk(s, kate.uri .. ";region=ie1").DialBridged)
    s:quiet()
    for _, method in ipairs { "ACK", "BYE" } do
      local request = kate:of(method)[1]
      assert.equal("203.0.113.7:" .. listener_port(s), request:get("Via"):match("UDP ([^;]+)"))
      assert.equal("127.0.0.2", request.address)
    end
  end)

  it("S6 advertises a port in Via and Contact, and no port in the SDP", function()
    local s <close> = open { ie1 = { advertise = "203.0.113.7:5090" } }
    local kate <close> = peer.open(busy)
    story.dial(s, kate.uri .. ";region=ie1")
    local invite = kate:of("INVITE")[1]
    assert.equal("203.0.113.7:5090", invite:get("Via"):match("UDP ([^;]+)"))
    assert.equal("sip:203.0.113.7:5090", invite:uri_of "Contact")
    assert.matches("\r\nc=IN IP4 203%.0%.113%.7\r\n", invite.body)
    s:quiet()
  end)

  it("S6 with an address to bind says that one, whatever the server advertises", function()
    local s <close> = open({ ie1 = { bind = "127.0.0.2" } }, { advertise = "203.0.113.9" })
    local kate <close> = peer.open(busy)
    story.dial(s, kate.uri .. ";region=ie1")
    local invite = kate:of("INVITE")[1]
    assert.equal("127.0.0.2:" .. listener_port(s), invite:get("Via"):match("UDP ([^;]+)"))
    assert.matches("\r\nc=IN IP4 127%.0%.0%.2\r\n", invite.body)
    s:quiet()
  end)

  it("S6 without an address of its own advertises that of the server", function()
    local s <close> = open({}, { advertise = "sip.example.net:5070" })
    local kate <close> = peer.open(busy)
    story.dial(s, kate.uri)
    local invite = kate:of("INVITE")[1]
    assert.equal("sip.example.net:5070", invite:get("Via"):match("UDP ([^;]+)"))
    assert.equal("sip:sip.example.net:5070", invite:uri_of "Contact")
    assert.equal("sip:alice@sip.example.net", invite:uri_of "From")
    s:quiet()
  end)
end)

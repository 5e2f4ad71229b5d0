-- TLS with a peer that is not ours: Python's ssl.
local certificate = require "support.certificate"
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"
local task = require "moonline.core.task"

local NAME = "pbx.example.com"
local PROGRAM = process.root .. "/spec/support/tls_peer.py"

local papers = {}

local function python(...)
  return process.start { "/usr/bin/python3", PROGRAM, ... }
end

-- Calls the server, which dials `name` over TLS where Python listens with that certificate: the
-- parameters of the action, what Python said, the seconds it took.
local function dialled(paper, arguments, uri)
  local peer <close> = python("callee", paper.certificate, paper.key)
  local port = peer:await "port (%d+)"
  table.move({ "--http", "off", "--set", ("sip.resolve={['%s']='127.0.0.1'}"):format(NAME) }, 1, 4,
    #arguments + 1, arguments)
  local server <close> = served.start(arguments)
  server.web["/voice"] = ('<Response><Dial action="/after" timeLimit="1"><Sip>%s</Sip></Dial>'
    .. "</Response>"):format((uri:gsub("PORT", port)))
  server.web["/after"] = "<Response/>"
  local begun = task.clock()
  local caller <close> = sipp.start({ sipp.calling(), sipp.hung_up() },
    { remote = "127.0.0.1:" .. server.port })
  local after = server:request("/after").params
  local took = task.clock() - begun
  caller:done()
  assert.equal(0, server:stop())
  return after, peer:out(), took, server.process:err()
end

local function has(text, wanted)
  assert(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
end

describe("TLS", function()
  setup(function()
    papers.good, papers.other = certificate.make(NAME), certificate.make "elsewhere.example.com"
    papers.address = certificate.make "127.0.0.1"
  end)
  teardown(function()
    for _, paper in pairs(papers) do paper:close() end
  end)

  it("S5 carries a call to a peer whose certificate is for its name", function()
    local after, seen = dialled(papers.good, { "--set", "sip.tls.ca=" .. papers.good.certificate },
      ("sip:bob@%s:PORT;transport=tls"):format(NAME))
    assert.equal("completed", after.DialCallStatus)
    has(seen, "sni " .. NAME)
    has(seen, "connected TLSv1.3")
    has(seen, "header SIP/2.0/TLS 127.0.0.1:")
    has(seen, ";transport=tls")
    has(seen, "\nBYE ")
  end)

  it("S5 is what sips: means, also to an address", function()
    local after, seen = dialled(papers.address,
      { "--set", "sip.tls.ca=" .. papers.address.certificate }, "sips:bob@127.0.0.1:PORT")
    assert.equal("completed", after.DialCallStatus)
    has(seen, "INVITE sips:bob@127.0.0.1:")
  end)

  it("S5 S13 fails at once with a certificate for another name", function()
    local after, seen, took, log = dialled(papers.other,
      { "--set", "sip.tls.ca=" .. papers.other.certificate },
      ("sip:bob@%s:PORT;transport=tls"):format(NAME))
    assert.equal("failed", after.DialCallStatus)
    assert.is_true(took < 2)
    assert.is_nil(seen:find("INVITE", 1, true))
    assert.is_nil(log:find("panic", 1, true))
  end)

  it("S5 S13 fails at once with a certificate that nobody we trust vouches for", function()
    local after, seen, took = dialled(papers.good, {},
      ("sip:bob@%s:PORT;transport=tls"):format(NAME))
    assert.equal("failed", after.DialCallStatus)
    assert.is_true(took < 2)
    assert.is_nil(seen:find("INVITE", 1, true))
  end)

  it("S5 takes any certificate with sip.tls.verify = false", function()
    local after = dialled(papers.other, { "--set", "sip.tls.verify=false" },
      ("sip:bob@%s:PORT;transport=tls"):format(NAME))
    assert.equal("completed", after.DialCallStatus)
  end)

  it("brings a call in, over a listener of its own", function()
    local server <close> = served.start { "--http", "off", "--sip", "tls:127.0.0.1:0", "--set",
      "sip.tls.certificate=" .. papers.good.certificate, "--set",
      "sip.tls.key=" .. papers.good.key }
    server.web["/voice"] = '<Response><Gather timeout="20"/></Response>'
    local tom <close> = python("caller", tostring(server.port), NAME, papers.good.certificate)
    assert.equal(0, tom:exit())
    has(tom:out(), "SIP/2.0 180 ")
    has(tom:out(), ("header <sip:127.0.0.1:%d;transport=tls>"):format(server.port))
    assert.truthy(tom:out():find "SIP/2.0 200 [^\n]*\n$")
    assert.equal("127.0.0.1", server:request("/voice").params.SipSourceIp)
    assert.equal(0, server:stop())
  end)
end)

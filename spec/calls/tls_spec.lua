-- S5: calls over TLS: ports, schemes, certificates and the names in them.
local certificate = require "support.certificate"
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

local ADDRESS = "127.0.0.1"

-- A phone with that paper; uri is its address with another host where asked for.
local function phone(s, paper, fn, listen)
  return story.phone(s, "kate", fn or story.answers, {
    listen = { listen or "tls:127.0.0.1:0" },
    tls = { certificate = paper.certificate, key = paper.key },
  })
end

local function port(kate)
  return kate.addresses[1]:match("%d+$")
end

describe("a call over TLS", function()
  local own, named
  setup(function() own, named = certificate.make(ADDRESS), certificate.make "pbx.test" end)
  teardown(function()
    own:close()
    named:close()
  end)

  it("S5 is what transport=tls asks for; the parameter stays in the Request-URI", function()
    local s <close> = stage.open { sip = { tls = { ca = own.certificate } } }
    local kate = phone(s, own)
    local params = story.talk(s, kate.address)
    assert.equal("completed", params.DialCallStatus)
    assert.equal("true", params.DialBridged)
    assert.equal("tls", kate.invites[1].transport)
    assert.equal(("sip:kate@127.0.0.1:%s;transport=tls"):format(port(kate)), kate.invites[1].uri)
    assert.matches("^SIP/2%.0/TLS ", kate.invites[1]:get "Via")
    assert.matches(";transport=tls>", kate.invites[1]:get "Contact")
    s:quiet()
  end)

  it("S5 is what sips: means, with and without transport=", function()
    for _, parameter in ipairs { "", ";transport=tls", ";transport=tcp" } do
      local s <close> = stage.open { sip = { tls = { ca = own.certificate } } }
      local kate = phone(s, own)
      local uri = ("sips:kate@127.0.0.1:%s%s"):format(port(kate), parameter)
      assert.equal("completed", story.talk(s, uri).DialCallStatus)
      assert.equal("tls", kate.invites[1].transport)
      assert.equal(uri, kate.invites[1].uri)
      s:quiet()
    end
  end)

  it("S5 goes to port 5061 unless the URI names one", function()
    local here = story.own_address(5)
    local paper <close> = certificate.make(here)
    local s <close> = stage.open { sip = { tls = { ca = paper.certificate } } }
    local kate = phone(s, paper, nil, "tls:" .. here .. ":5061")
    local uri = ("sip:kate@%s;transport=tls"):format(here)
    assert.equal("completed", story.talk(s, uri).DialCallStatus)
    assert.equal(uri, kate.invites[1].uri)
    s:quiet()
  end)

  it("S5 verifies the certificate: one that nobody vouches for fails the dial at once", function()
    local s <close> = stage.open()
    local kate = phone(s, own)
    local begun = moonline.clock()
    local params = story.dial(s, kate.address)
    assert.equal("failed", params.DialCallStatus)
    assert.is_nil(params.DialSipResponseCode)
    assert.matches("^CA%x+$", params.DialCallSid)
    assert.is_true(moonline.clock() - begun < 5)
    assert.equal(0, #kate.invites)
    s:quiet()
  end)

  it("S5 verifies the name: a certificate for another one fails the dial", function()
    local s <close> = stage.open { sip = {
      tls = { ca = named.certificate }, resolve = { ["other.test"] = "127.0.0.1" },
    } }
    local kate = phone(s, named)
    for _, host in ipairs { "other.test", ADDRESS } do
      local params = story.dial(s, ("sip:kate@%s:%s;transport=tls"):format(host, port(kate)))
      assert.equal("failed", params.DialCallStatus)
      assert.is_nil(params.DialSipResponseCode)
    end
    assert.equal(0, #kate.invites)
    s:quiet()
  end)

  it("S5 verifies the name of the URI, not the address it leads to", function()
    local s <close> = stage.open { sip = {
      tls = { ca = named.certificate }, resolve = { ["pbx.test"] = "127.0.0.1" },
    } }
    local kate = phone(s, named)
    local uri = ("sip:kate@pbx.test:%s;transport=tls"):format(port(kate))
    assert.equal("completed", story.talk(s, uri).DialCallStatus)
    assert.equal(uri, kate.invites[1].uri)
    s:quiet()
  end)

  it("S5 verifies nothing where the configuration says so", function()
    local s <close> = stage.open { sip = { tls = { verify = false } } }
    local kate = phone(s, named)
    assert.equal("completed", story.talk(s, kate.address).DialCallStatus)
    s:quiet()
  end)

  it("S13 of a TLS failure tells the progress: initiated, then completed with failed", function()
    local s <close> = stage.open()
    s.web["/events"] = ""
    local kate = phone(s, own)
    story.dial(s, kate.address, {
      sip = 'statusCallback="/events" statusCallbackEvent="initiated ringing answered completed"',
    })
    s:quiet()
    local told = s:requests_to "/events"
    assert.equal(2, #told)
    assert.equal("initiated", told[1].params.CallStatus)
    assert.equal("failed", told[2].params.CallStatus)
    assert.is_nil(told[2].params.SipResponseCode)
  end)

  it("S13 that nobody listens for, or where the peer does not speak TLS, fails at once", function()
    local s <close> = stage.open { sip = { tls = { ca = own.certificate } } }
    local plain = story.phone(s, "kate", story.answers, { listen = { "tcp:127.0.0.1:0" } })
    local begun = moonline.clock()
    local uri = ("sip:kate@127.0.0.1:%s;transport=tls"):format(port(plain))
    local params = story.dial(s, uri)
    assert.equal("failed", params.DialCallStatus)
    assert.is_nil(params.DialSipResponseCode)
    plain:close()
    params = story.dial(s, uri)
    assert.equal("failed", params.DialCallStatus)
    assert.is_nil(params.DialSipResponseCode)
    assert.is_true(moonline.clock() - begun < 15)
    s:quiet()
  end)
end)

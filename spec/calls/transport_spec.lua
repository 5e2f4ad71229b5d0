-- S5: over which transport, to which address and port an INVITE goes. TLS has its own file.
local dns = require "support.dns"
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

local function silent() end

local function unavailable(self, request)
  if request.method == "INVITE" then self:reply(request, "503 Service Unavailable") end
end

local function port(self)
  return tonumber(self.where:match("%d+$"))
end

-- The parameters of the status callbacks, in order of arrival.
local function events(s)
  local list = {}
  for _, request in ipairs(s:requests_to "/events") do list[#list + 1] = request.params end
  return list
end

local ALL = 'statusCallback="/events" statusCallbackEvent="initiated ringing answered completed"'

describe("the transport of a dialled leg", function()
  it("S5 is udp unless the URI says otherwise", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers, { listen = { "udp:127.0.0.1:0" } })
    assert.equal("completed", story.talk(s, kate.address).DialCallStatus)
    assert.equal("udp", kate.invites[1].transport)
    assert.is_nil(kate.invites[1].uri:find("transport", 1, true))
    assert.matches("^SIP/2%.0/UDP ", kate.invites[1]:get "Via")
    s:quiet()
  end)

  it("S5 is what transport= says, which stays in the Request-URI as written", function()
    for _, written in ipairs { "transport=tcp", "Transport=TCP", "transport=Udp" } do
      local kind = written:lower():match("=(%l+)$")
      local s <close> = stage.open()
      local kate = story.phone(s, "kate", story.answers, { listen = { kind .. ":127.0.0.1:0" } })
      local bare = kate.address:gsub(";.*$", "")
      assert.equal("completed", story.talk(s, bare .. ";" .. written).DialCallStatus)
      assert.equal(kind, kate.invites[1].transport)
      assert.equal(bare .. ";" .. written, kate.invites[1].uri)
      assert.matches("^SIP/2%.0/" .. kind:upper() .. " ", kate.invites[1]:get "Via")
      s:quiet()
    end
  end)

  it("S5 leaves other parameters of the URI alone", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers)
    story.talk(s, kate.address .. ";user=phone;line=7;lr")
    assert.equal(kate.address .. ";user=phone;line=7;lr", kate.invites[1].uri)
    s:quiet()
  end)

  it("S5 that is not known is 13243, and so is sips: over udp", function()
    local tries = { "sip:kate@127.0.0.1;transport=sctp", "sip:kate@127.0.0.1;transport=ws",
      "sips:kate@127.0.0.1;transport=udp" }
    for _, uri in ipairs(tries) do
      local s <close> = stage.open()
      local params = story.dial(s, uri)
      assert.equal("failed", params.DialCallStatus)
      assert.is_true(story.no_child(params))
      assert.matches("udp", s:warned(13243))
      s:quiet()
    end
  end)

  it("S5 uses port 5060 unless the URI names one", function()
    for _, kind in ipairs { "udp", "tcp" } do
      local s <close> = stage.open()
      local here = story.own_address(1)
      local listen = { kind .. ":" .. here .. ":5060" }
      local kate = story.phone(s, "kate", story.answers, { listen = listen })
      local uri = ("sip:kate@%s;transport=%s"):format(here, kind)
      assert.equal("completed", story.talk(s, uri).DialCallStatus)
      assert.equal(uri, kate.invites[1].uri)
      s:quiet()
    end
  end)

  it("S5 stays udp however big the INVITE", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(busy)
    local params = story.dial(s, kate.uri .. "?X-Big=" .. ("b"):rep(1000))
    assert.equal("busy", params.DialCallStatus)
    local invite = kate:of("INVITE")[1]
    assert.is_true(#invite.text > 1600)
    assert.matches("^SIP/2%.0/UDP ", invite:get "Via")
    assert.equal(tostring(#invite.body), invite:get "Content-Length")
    assert.equal(kate.uri, invite.uri)
    s:quiet()
  end)
end)

describe("a name in the URI", function()
  it("S5 without a port leads by SRV and then A to its target, and stays in the URI", function()
    local kate <close> = peer.open(busy)
    local names <close> = dns.open {
      ["_sip._udp.pbx.test"] = { srv = { { 10, 0, port(kate), "desk.pbx.test" } } },
      ["desk.pbx.test"] = { a = { "127.0.0.1" } }, ["pbx.test"] = { a = { "127.0.0.9" } },
    }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local params = story.dial(s, "sip:kate@pbx.test")
    assert.equal("busy", params.DialCallStatus)
    assert.equal("sip:kate@pbx.test", kate:of("INVITE")[1].uri)
    assert.equal("<sip:kate@pbx.test>", kate:of("INVITE")[1]:get "To")
    assert.equal("_sip._udp.pbx.test SRV", names.asked[1])
    assert.is_nil(table.concat(names.asked, "\n"):find("\npbx.test A", 1, true))
    s:quiet()
  end)

  it("S5 without SRV is looked up as a host, at port 5060", function()
    local here = story.own_address(2)
    local kate <close> = peer.open(busy, { address = here, port = 5060 })
    local names <close> = dns.open { ["pbx.test"] = { a = { here } } }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    assert.equal("busy", story.dial(s, "sip:kate@pbx.test").DialCallStatus)
    assert.equal(1, #kate:of "INVITE")
    assert.equal("_sip._udp.pbx.test SRV", names.asked[1])
    s:quiet()
  end)

  it("S5 with a port is never asked for SRV", function()
    local kate <close> = peer.open(busy)
    local names <close> = dns.open { ["pbx.test"] = { a = { "127.0.0.1" } } }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local uri = ("sip:kate@pbx.test:%d"):format(port(kate))
    assert.equal("busy", story.dial(s, uri).DialCallStatus)
    assert.equal(uri, kate:of("INVITE")[1].uri)
    for _, question in ipairs(names.asked) do assert.is_nil(question:find("SRV", 1, true)) end
    s:quiet()
  end)

  it("S5 over tcp is asked for as _sip._tcp", function()
    local names <close> = dns.open { ["desk.pbx.test"] = { a = { "127.0.0.1" } } }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local kate = story.phone(s, "kate", story.refuses(486), { listen = { "tcp:127.0.0.1:0" } })
    names.names["_sip._tcp.pbx.test"] = {
      srv = { { 1, 1, tonumber(kate.address:match(":(%d+);")), "desk.pbx.test" } },
    }
    assert.equal("busy", story.dial(s, "sip:kate@pbx.test;transport=tcp").DialCallStatus)
    assert.equal("sip:kate@pbx.test;transport=tcp", kate.invites[1].uri)
    assert.equal("_sip._tcp.pbx.test SRV", names.asked[1])
    s:quiet()
  end)

  it("S5 leads to the lowest priority first, to the next target after 4 s of silence", function()
    local first <close> = peer.open(silent)
    local second <close> = peer.open(busy)
    local names <close> = dns.open {
      ["_sip._udp.pbx.test"] = { srv = {
        { 20, 0, port(second), "b.pbx.test" }, { 10, 0, port(first), "a.pbx.test" },
      } },
      ["a.pbx.test"] = { a = { "127.0.0.1" } }, ["b.pbx.test"] = { a = { "127.0.0.1" } },
    }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    s.web["/events"] = ""
    local params = story.dial(s, "sip:kate@pbx.test", { sip = ALL })
    assert.equal("busy", params.DialCallStatus)
    local one, two = first:of("INVITE")[1], second:of("INVITE")[1]
    assert.near(4, two.time - one.time, 0.1)
    assert.equal(one:get "Call-ID", two:get "Call-ID")
    assert.equal(one.body, two.body)
    assert.equal(one:get "X-Twilio-CallSid", two:get "X-Twilio-CallSid")
    s:quiet()
    local told = events(s)
    assert.equal(2, #told)
    assert.equal("initiated", told[1].CallStatus)
    assert.equal("busy", told[2].CallStatus)
  end)

  it("S5 leads to the next target after a 503, at once; the last one's 503 counts", function()
    local first <close> = peer.open(unavailable)
    local second <close> = peer.open(unavailable)
    local names <close> = dns.open {
      ["_sip._udp.pbx.test"] = { srv = {
        { 10, 0, port(first), "a.pbx.test" }, { 20, 0, port(second), "a.pbx.test" },
      } },
      ["a.pbx.test"] = { a = { "127.0.0.1" } },
    }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local params = story.dial(s, "sip:kate@pbx.test")
    assert.equal("failed", params.DialCallStatus)
    assert.equal("503", params.DialSipResponseCode)
    assert.near(0, second:of("INVITE")[1].time - first:of("INVITE")[1].time, 0.1)
    s:quiet()
  end)

  it("S5 with several addresses has each of them tried", function()
    local one, two = story.own_address(3), story.own_address(4)
    local first <close> = peer.open(unavailable, { address = one, port = 5060 })
    local second <close> = peer.open(busy, { address = two, port = 5060 })
    local names <close> = dns.open { ["pbx.test"] = { a = { one, two } } }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local params = story.dial(s, "sip:kate@pbx.test")
    -- The order of equal addresses is the resolver's.
    assert.equal("busy", params.DialCallStatus)
    assert.equal(1, #second:of "INVITE")
    assert.is_true(#first:of "INVITE" <= 1)
    s:quiet()
  end)

  it("S5 that rings is not left for the next target", function()
    local first <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "100 Trying") end
      if request.method == "CANCEL" then
        self:reply(request, "200 OK")
        self:reply(self:of("INVITE")[1], "487 Request Terminated")
      end
    end)
    local second <close> = peer.open(busy)
    local names <close> = dns.open {
      ["_sip._udp.pbx.test"] = { srv = {
        { 10, 0, port(first), "a.pbx.test" }, { 20, 0, port(second), "a.pbx.test" },
      } },
      ["a.pbx.test"] = { a = { "127.0.0.1" } },
    }
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local params = story.dial(s, "sip:kate@pbx.test", { dial = 'timeout="10"' })
    assert.equal("no-answer", params.DialCallStatus)
    assert.equal("487", params.DialSipResponseCode)
    assert.equal(0, #second:of "INVITE")
    s:quiet()
  end)

  it("S5 S12 that does not resolve fails with a child: initiated, completed, no code", function()
    local names <close> = dns.open()
    local s <close> = stage.open { sip = { dns = { names.address } } }
    s.web["/events"] = ""
    local params = story.dial(s, "sip:kate@nowhere.test", { sip = ALL })
    assert.equal("failed", params.DialCallStatus)
    assert.matches("^CA%x+$", params.DialCallSid)
    assert.equal("0", params.DialCallDuration)
    assert.equal("false", params.DialBridged)
    assert.is_nil(params.DialSipResponseCode)
    s:quiet()
    local told = events(s)
    assert.equal(2, #told)
    assert.equal("initiated", told[1].CallStatus)
    assert.equal("0", told[1].SequenceNumber)
    assert.equal("failed", told[2].CallStatus)
    assert.equal("1", told[2].SequenceNumber)
    assert.is_nil(told[2].SipResponseCode)
    assert.equal(params.DialCallSid, told[2].CallSid)
  end)

  it("S12 the caller who leaves while a name is looked up: canceled, and no code", function()
    local names <close> = dns.open()
    names.silent = true
    local s <close> = stage.open { sip = { dns = { names.address } } }
    s.web["/events"] = ""
    local alice = story.begin(s, "sip:kate@slow.test", { sip = ALL })
    s:request("/voice")
    require("moonline").sleep(1)
    alice:hangup()
    local params = s:request("/after").params
    assert.equal("canceled", params.DialCallStatus)
    assert.is_nil(params.DialSipResponseCode)
    s:quiet()
  end)
end)

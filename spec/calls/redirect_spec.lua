-- S13: a 3xx of the callee is followed.
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

local ALL = 'statusCallback="/events" statusCallbackEvent="initiated ringing answered completed"'

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

-- Sends every caller on; contacts are whole header values.
local function elsewhere(contacts, status)
  return peer.open(function(self, request)
    if request.method ~= "INVITE" then return end
    local headers = {}
    for i, contact in ipairs(type(contacts) == "function" and contacts(request) or contacts) do
      headers[i] = "Contact: " .. contact
    end
    self:reply(request, status or "302 Moved Temporarily", headers)
  end)
end

describe("a redirect of a dialled call", function()
  it("S13 is followed: same child, one progress, the new Request-URI", function()
    local s <close> = stage.open()
    s.web["/events"] = ""
    local kate = story.phone(s, "kate", story.answers)
    local front <close> = elsewhere { "<" .. kate.address .. ";x=y?Subject=evil>;expires=60" }
    local params = story.talk(s, front.uri .. "?mine=foo", { sip = ALL })
    assert.equal("completed", params.DialCallStatus)
    assert.equal("200", params.DialSipResponseCode)
    assert.equal(kate.address .. ";x=y", kate.invites[1].uri)
    assert.equal("foo", kate.invites[1]:get "X-mine")
    assert.is_nil(kate.invites[1]:get "Subject")
    assert.equal(params.DialCallSid, kate.invites[1]:get "X-Twilio-CallSid")
    assert.equal(params.DialCallSid, front:of("INVITE")[1]:get "X-Twilio-CallSid")
    assert.equal(params.DialSipCallId, kate.invites[1]:get "Call-ID")
    s:quiet()
    local told = {}
    for i, request in ipairs(s:requests_to "/events") do told[i] = request.params.CallStatus end
    assert.same({ "initiated", "in-progress", "completed" }, told)
  end)

  it("S13 of each 3xx kind leads on", function()
    for _, status in ipairs { "300 Multiple Choices", "301 Moved", "302 Moved", "305 Use Proxy" } do
      local s <close> = stage.open()
      local kate <close> = peer.open(busy)
      local front <close> = elsewhere({ "<" .. kate.uri .. ">" }, status)
      assert.equal("busy", story.dial(s, front.uri).DialCallStatus)
      s:quiet()
    end
  end)

  it("S13 may change the transport", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.refuses(486), { listen = { "tcp:127.0.0.1:0" } })
    local front <close> = elsewhere { "<" .. kate.address .. ">" }
    assert.equal("busy", story.dial(s, front.uri).DialCallStatus)
    assert.equal("tcp", kate.invites[1].transport)
    s:quiet()
  end)

  it("S13 leads to the best contact that is a SIP address, in all ways to write it", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(busy)
    local lists = {
      { "<tel:+15550100>, <mailto:kate@h>", "<" .. kate.uri .. ">" },
      { '"Kate, <sip:no@no>" <' .. kate.uri .. ">" }, { kate.uri .. ";q=0.5" },
      { "<sip:worse@127.0.0.1:9>;q=0.2, <" .. kate.uri .. ">;q=0.7" },
      { "<sip:bad uri@127.0.0.1>", "<" .. kate.uri .. ">" },
    }
    for i, contacts in ipairs(lists) do
      local front <close> = elsewhere(contacts)
      assert.equal("busy", story.dial(s, front.uri).DialCallStatus, i)
      assert.equal(i, #kate:of "INVITE")
      assert.equal(kate.uri, kate:of("INVITE")[i].uri)
    end
    s:quiet()
  end)

  it("S13 that leads nowhere is failed, with its own code; the caller gets 480", function()
    for _, contacts in ipairs { {}, { "<tel:+15550100>" } } do
      local s <close> = stage.open()
      local front <close> = elsewhere(contacts)
      local alice = story.begin(s, front.uri, { dial = 'answerOnBridge="true"' })
      local params = s:request("/after").params
      assert.equal("failed", params.DialCallStatus)
      assert.equal("302", params.DialSipResponseCode)
      assert.equal(480, alice.box:wait({ "failed" }, 60).code)
      assert.equal(1, #front:of "INVITE")
      s:quiet()
    end
  end)

  it("S13 in a circle is refused", function()
    local s <close> = stage.open()
    local one, two
    one = elsewhere(function() return { "<" .. two.uri .. ">" } end)
    two = elsewhere(function() return { "<" .. one.uri .. ">" } end)
    local params = story.dial(s, one.uri)
    assert.equal("failed", params.DialCallStatus)
    assert.equal("302", params.DialSipResponseCode)
    assert.equal(1, #one:of "INVITE")
    assert.equal(1, #two:of "INVITE")
    assert.is_string(s:warned(32219))
    s:quiet()
    one:close()
    two:close()
  end)

  it("S13 is followed five times and not six", function()
    for most, sent in pairs { [false] = 6, [0] = 1, [2] = 3 } do
      local s <close> = stage.open { dial = { follow = most or nil } }
      local number = 0
      local front <close> = elsewhere(function()
        number = number + 1
        return { ("<sip:%d@%s>"):format(number, s.front) }
      end)
      s.front = front.where
      local params = story.dial(s, front.uri)
      assert.equal("failed", params.DialCallStatus)
      assert.equal("302", params.DialSipResponseCode)
      assert.equal(sent, #front:of "INVITE")
      assert.is_string(s:warned(32219))
      s:quiet()
    end
  end)

  it("S13 within the Dial's timeout, which counts from the first INVITE", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.rings)
    local front <close> = elsewhere { "<" .. kate.address .. ">" }
    local params = story.dial(s, front.uri, { dial = 'timeout="6"' })
    assert.equal("no-answer", params.DialCallStatus)
    assert.equal("487", params.DialSipResponseCode)
    s:quiet()
  end)
end)

-- S13 and the wire: what a Dial comes to, by how the callee's leg ended, and what an unanswered
-- caller gets for it.
local moonline = require "moonline"
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

local BRIDGE = 'answerOnBridge="true"'

-- A callee that refuses with the code its user part says: 486@...
local function refuser()
  return peer.open(function(self, request)
    if request.method ~= "INVITE" then return end
    local code = request.uri:match("sip:(%d+)@")
    self:reply(request, code .. " Refused")
  end)
end

local function to(callee, code)
  return ("sip:%d@%s"):format(code, callee.where)
end

-- What alice gets when her call ends before it was answered: the code.
local function refusal(alice)
  return assert(alice.box:wait({ "failed", "ended", "answered" }, 100)).code
end

local EXPECTED = {
  busy = { 486, 600, 603 },
  ["no-answer"] = { 408, 480 },
  failed = { 300, 301, 302, 305, 380, 400, 401, 403, 404, 405, 406, 407, 410, 415, 420, 481, 482,
    483, 484, 485, 487, 488, 491, 493, 500, 501, 502, 503, 504, 505, 513, 580, 604, 606, 699 },
}

-- Codes that would make the caller's side do something else than give up.
local CHANGED = { [401] = 480, [407] = 480, [408] = 480 }

describe("the outcome of a Dial", function()
  for status, codes in pairs(EXPECTED) do
    it("S13 is " .. status .. " for these final responses, and the caller gets the code", function()
      local s <close> = stage.open()
      local kate <close> = refuser()
      for _, code in ipairs(codes) do
        local alice = story.begin(s, to(kate, code), { dial = BRIDGE })
        local params = s:request("/after").params
        assert.equal(status, params.DialCallStatus, code)
        assert.equal(tostring(code), params.DialSipResponseCode)
        assert.equal("0", params.DialCallDuration)
        assert.equal("false", params.DialBridged)
        assert.matches("^CA%x+$", params.DialCallSid)
        assert.equal("ringing", params.CallStatus)
        assert.equal(code < 400 and 480 or CHANGED[code] or code, refusal(alice))
      end
      s:quiet()
    end)
  end

  it("S13 is what dial.outcomes says; what that does not name stays", function()
    local s <close> = stage.open { dial = {
      outcomes = { [404] = "no-answer", [486] = "failed", [603] = "canceled" },
    } }
    local kate <close> = refuser()
    local expected = { [404] = "no-answer", [486] = "failed", [603] = "canceled", [600] = "busy" }
    for code, status in pairs(expected) do
      assert.equal(status, story.dial(s, to(kate, code)).DialCallStatus)
    end
    s:quiet()
  end)

  it("S13 is completed for a call that was answered and ended", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers)
    local params = story.talk(s, kate.address, { seconds = 3 })
    assert.equal("completed", params.DialCallStatus)
    assert.equal("200", params.DialSipResponseCode)
    assert.equal("3", params.DialCallDuration)
    s:quiet()
  end)

  it("S13 is no-answer after our own timeout, 487 after the CANCEL", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.rings)
    local begun = moonline.clock()
    local alice = story.begin(s, kate.address, { dial = 'timeout="7" ' .. BRIDGE })
    local params = s:request("/after").params
    assert.near(7, moonline.clock() - begun, 0.3)
    assert.equal("no-answer", params.DialCallStatus)
    assert.equal("487", params.DialSipResponseCode)
    assert.equal(487, refusal(alice))
    s:quiet()
  end)

  it("S13 is no-answer after our timeout, 408 where nothing came: the caller gets 480", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(function() end)
    local alice = story.begin(s, kate.uri, { dial = 'timeout="5" ' .. BRIDGE })
    local params = s:request("/after").params
    assert.equal("no-answer", params.DialCallStatus)
    assert.equal("408", params.DialSipResponseCode)
    assert.equal(480, refusal(alice))
    s:quiet()
  end)

  it("S13 is failed when nothing comes until timer B, before the Dial's timeout", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(function() end)
    local begun = moonline.clock()
    local alice = story.begin(s, kate.uri, { dial = 'timeout="100" ' .. BRIDGE })
    local params = s:request("/after").params
    assert.near(32, moonline.clock() - begun, 0.6)
    assert.equal("failed", params.DialCallStatus)
    assert.equal("408", params.DialSipResponseCode)
    assert.equal(480, refusal(alice))
    s:quiet()
  end)

  it("S13 is canceled when the caller leaves while it rings; kate is told", function()
    local s <close> = stage.open()
    local canceled
    local kate = story.phone(s, "kate", function(call)
      call:ring()
      canceled = call.box:wait({ "canceled" }, 30)
      call:over(canceled)
    end)
    local alice = story.begin(s, kate.address)
    alice:wait { "answered" }
    moonline.sleep(3)
    alice:hangup()
    local params = s:request("/after").params
    assert.equal("canceled", params.DialCallStatus)
    assert.equal("487", params.DialSipResponseCode)
    assert.equal("completed", params.CallStatus)
    assert.equal("canceled", canceled.kind)
    s:quiet()
  end)

  it("S13 is canceled when an unanswered caller leaves while it rings", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.rings)
    local alice = story.begin(s, kate.address, { dial = BRIDGE })
    alice.box:wait { "ringing" }
    moonline.sleep(3)
    alice:hangup()
    local params = s:request("/after").params
    assert.equal("canceled", params.DialCallStatus)
    assert.equal("canceled", params.CallStatus)
    s:quiet()
  end)

  it("S13 is failed with no route, where no INVITE is sent: the caller gets 404", function()
    local s <close> = stage.open()
    local alice = story.begin(s, "sip:kate@[::1]:5060", { dial = BRIDGE })
    local params = s:request("/after").params
    assert.equal("failed", params.DialCallStatus)
    assert.is_nil(params.DialSipResponseCode)
    assert.equal(404, refusal(alice))
    s:quiet()
  end)

  it("S13 is failed at once where nobody listens: udp was sent, tcp was not", function()
    for kind, expected in pairs { udp = { "408", 480 }, tcp = { nil, 404 } } do
      local s <close> = stage.open()
      local kate = s:phone("kate", nil, { listen = { kind .. ":127.0.0.1:0" } })
      kate:close()
      local begun = moonline.clock()
      local alice = story.begin(s, kate.address, { dial = BRIDGE })
      local params = s:request("/after").params
      assert.equal("failed", params.DialCallStatus, kind)
      assert.equal(expected[1], params.DialSipResponseCode)
      assert.equal(expected[2], refusal(alice))
      assert.is_true(moonline.clock() - begun < 2)
      s:quiet()
    end
  end)

  it("S13 is failed where DNS fails: the caller gets 404", function()
    local names <close> = require("support.dns").open()
    local s <close> = stage.open { sip = { dns = { names.address } } }
    local alice = story.begin(s, "sip:kate@nowhere.test", { dial = BRIDGE })
    assert.equal("failed", s:request("/after").params.DialCallStatus)
    assert.equal(404, refusal(alice))
    s:quiet()
  end)

  it("S13 is failed where the document is wrong: the caller gets 404", function()
    local s <close> = stage.open()
    local alice = story.begin(s, "nonsense", { dial = BRIDGE })
    assert.equal("failed", s:request("/after").params.DialCallStatus)
    assert.equal(404, refusal(alice))
    s:quiet()
  end)

  it("S13 is failed for a 200 that nobody can talk to; kate gets a BYE", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        local sdp = peer.sdp():gsub("AVP 0", "AVP 18"):gsub("PCMU", "G729")
        self:reply(request, "200 OK", nil, sdp)
      elseif request.method == "BYE" then
        self:reply(request, "200 OK")
      end
    end)
    local params = story.dial(s, kate.uri)
    assert.equal("failed", params.DialCallStatus)
    assert.equal("200", params.DialSipResponseCode)
    s:quiet()
    assert.equal(1, #kate:of "BYE")
  end)

  it("S13 without action: the unanswered caller gets the callee's code at the end", function()
    local s <close> = stage.open()
    local kate <close> = refuser()
    s.web["/voice"] = stage.twiml("<Dial answerOnBridge='true'><Sip>" .. to(kate, 404)
      .. "</Sip></Dial>")
    assert.equal(404, refusal(s:begin()))
    s:quiet()
  end)

  it("S13 a later verb that needs audio answers the caller all the same", function()
    local s <close> = stage.open()
    local kate <close> = refuser()
    s.web["/voice"] = stage.twiml("<Dial answerOnBridge='true'><Sip>" .. to(kate, 486)
      .. "</Sip></Dial><Say>Kate is busy.</Say>")
    local alice = s:begin()
    assert.equal("answered", alice.box:wait({ "failed", "answered" }, 60).kind)
    s:quiet()
  end)
end)

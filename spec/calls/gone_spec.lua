-- Parties who vanish without a word: nobody waits for them longer than the protocol asks.
local moonline = require "moonline"
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

-- Answers with these headers and PCMU; deaf: answers nothing else, not even BYE.
local function takes(deaf, headers)
  return function(self, request)
    if request.method == "INVITE" then
      if #self:of "INVITE" == 1 then self:reply(request, "200 OK", headers, peer.sdp()) end
    elseif not deaf and request.method ~= "ACK" then
      self:reply(request, "200 OK")
    end
  end
end

local function rings(self, request)
  if request.method == "INVITE" then self:reply(request, "180 Ringing") end
end

describe("a callee who is gone", function()
  it("S12 S13 while it talks: the caller's hangup ends it, the action is asked at once", function()
    for _, deaf in ipairs { true, false } do
      local s <close> = stage.open()
      local kate <close> = peer.open(takes(deaf))
      local alice = story.begin(s, kate.uri)
      story.bridged(s)
      moonline.sleep(5)
      if not deaf then kate:close() end -- its process is gone: datagrams are refused
      local left = moonline.clock()
      alice:hangup()
      local params = s:request("/after").params
      assert.is_true(moonline.clock() - left < 4)
      assert.equal("completed", params.DialCallStatus)
      assert.equal("5", params.DialCallDuration)
      assert.equal("true", params.DialBridged)
      assert.equal("200", params.DialSipResponseCode)
      s:quiet()
    end
  end)

  it("S13 while it rings: no-answer in time, though nobody answers the CANCEL", function()
    for _, vanishes in ipairs { true, false } do
      local s <close> = stage.open()
      local kate <close> = peer.open(rings)
      story.begin(s, kate.uri, { dial = 'timeout="6"' })
      s:request "/voice"
      local begun = moonline.clock()
      moonline.sleep(1)
      if vanishes then kate:close() end
      local params = s:request("/after").params
      assert.is_true(moonline.clock() - begun < 10)
      assert.equal("no-answer", params.DialCallStatus)
      assert.equal("408", params.DialSipResponseCode)
      s:quiet(100)
    end
  end)

  it("S12 S13 while it talks and nobody notices: the session timer does", function()
    for _, vanishes in ipairs { false, true } do
      local s <close> = stage.open { sip = { session_expires = 90 } }
      local kate <close> = peer.open(takes(true,
        { "Session-Expires: 90;refresher=uac", "Require: timer", "Supported: timer" }))
      story.begin(s, kate.uri)
      story.bridged(s)
      if vanishes then kate:close() end
      local begun = moonline.clock()
      local params = s:request("/after", 300).params
      assert.near(60, moonline.clock() - begun, 3)
      assert.equal("completed", params.DialCallStatus)
      assert.equal("true", params.DialBridged)
      assert.equal("in-progress", params.CallStatus)
      s:quiet(100)
    end
  end)

  it("S13 and hangs up in the moment we do: one end, one action", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", function(call)
      call:answer()
      moonline.sleep(3)
    end)
    local alice = story.begin(s, kate.address)
    story.bridged(s)
    moonline.sleep(2.95)
    alice:hangup()
    local params = s:request("/after").params
    assert.equal("completed", params.DialCallStatus)
    s:quiet()
    assert.equal(1, #s:requests_to "/after")
  end)
end)

describe("a caller who is gone", function()
  -- An INVITE from a bare socket that never says another word.
  local function invite(s, caller)
    local where = s:uri():match("@(.*)$")
    local address, port = where:match("^(.*):(%d+)$")
    local sdp = peer.sdp()
    caller.socket:send(address, tonumber(port), table.concat({
      "INVITE sip:line@" .. where .. " SIP/2.0",
      "Via: SIP/2.0/UDP " .. caller.where .. ";branch=z9hG4bKone;rport",
      "Max-Forwards: 70", "From: <sip:ghost@127.0.0.1>;tag=1", "To: <sip:line@" .. where .. ">",
      "Call-ID: one@test", "CSeq: 1 INVITE", "Contact: <sip:" .. caller.where .. ">",
      "Content-Type: application/sdp", "Content-Length: " .. #sdp, "", sdp,
    }, "\r\n"))
  end

  it("S12 S13 before the ACK of its answer: the callee is let go, the action asked", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers)
    local caller <close> = peer.open(function() end)
    s.web["/voice"] = story.document(kate.address)
    s.web["/after"] = ""
    invite(s, caller)
    story.bridged(s)
    local begun = moonline.clock()
    local params = s:request("/after", 100).params
    assert.near(32, moonline.clock() - begun, 2)
    assert.equal("completed", params.DialCallStatus)
    assert.equal("completed", params.CallStatus)
    s:quiet(100)
  end)

  it("S13 while the callee rings: its process is gone, the Dial ends by its timeout", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.rings)
    local caller = peer.open(function() end)
    s.web["/voice"] = story.document(kate.address, 'timeout="8" answerOnBridge="true"')
    s.web["/after"] = ""
    invite(s, caller)
    s:request "/voice"
    caller:close()
    local params = s:request("/after", 100).params
    assert.equal("no-answer", params.DialCallStatus)
    s:quiet(100)
  end)
end)

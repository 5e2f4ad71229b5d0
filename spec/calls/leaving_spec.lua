-- Somebody leaves at an awkward moment. Each of these must end the call, and tell what is due once.
local caller = require "support.caller"
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local stage = require "support.stage"

local function dialling(uri, dial, sip)
  return stage.twiml(('<Dial action="/after" %s><Sip %s>%s</Sip></Dial>'):format(dial or "",
    sip or "", uri))
end

local function open(behaviour, dial, sip)
  local s = stage.open()
  local kate = s:phone("kate", behaviour)
  s.web["/voice"] = dialling(kate.address, dial, sip)
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

-- A BYE (or another request) of the callee in the dialog of an INVITE it got.
local function callee_sends(self, invite, method, number)
  local lines = {
    ("%s %s SIP/2.0"):format(method, invite:uri_of "Contact"),
    ("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%d"):format(self.where, method, number),
    "From: " .. invite:get "To" .. ";tag=" .. self.tag, "To: " .. invite:get "From",
    "Call-ID: " .. invite:get "Call-ID", ("CSeq: %d %s"):format(number, method),
    "Max-Forwards: 70", "Content-Length: 0",
  }
  self.socket:send(invite.address, invite.port, table.concat(lines, "\r\n") .. "\r\n\r\n")
end

describe("leaving", function()
  it("S12 S13 the caller, before anybody rings: CANCEL, canceled", function()
    local s <close> = stage.open()
    local silent <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "100 Trying") end
      if request.method == "CANCEL" then
        self:reply(request, "200 OK")
        self:reply(self:of "INVITE"[1], "487 Request Terminated")
      end
    end)
    s.web["/voice"], s.web["/after"] = dialling(silent.uri), stage.twiml ""
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    local after = s:request("/after").params
    assert.equal("canceled", after.DialCallStatus)
    assert.equal("487", after.DialSipResponseCode)
    assert.equal(1, #silent:of "CANCEL")
    s:quiet()
  end)

  it("S12 S13 the caller, while a callee that says nothing at all is called", function()
    local s <close> = stage.open()
    local dead <close> = peer.open()
    s.web["/voice"], s.web["/after"] = dialling(dead.uri), stage.twiml ""
    local alice = assert(s:call())
    moonline.sleep(2)
    local left = moonline.clock()
    alice:hangup()
    local after = s:request "/after"
    assert.equal("canceled", after.params.DialCallStatus)
    assert.is_true(after.time - left < 5)
    s:quiet()
  end)

  it("S12 the callee answers in spite of the CANCEL: it is hung up, canceled", function()
    local s <close> = stage.open()
    local quick <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "180 Ringing") end
      if request.method == "CANCEL" then
        self:reply(request, "200 OK")
        self:reply(self:of "INVITE"[1], "200 OK", nil, peer.sdp())
      elseif request.method == "BYE" then
        self:reply(request, "200 OK")
      end
    end)
    s.web["/voice"], s.web["/after"] = dialling(quick.uri), stage.twiml ""
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    local after = s:request("/after").params
    assert.is_true(after.DialCallStatus == "canceled" or after.DialCallStatus == "completed")
    assert.equal("false", after.DialBridged)
    moonline.sleep(1)
    assert.equal(1, #quick:of "BYE")
    s:quiet()
  end)

  it("S12 the callee answers and hangs up in one breath", function()
    local s <close> = stage.open()
    local brief <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "200 OK", nil, peer.sdp())
        callee_sends(self, request, "BYE", 1)
      end
    end)
    s.web["/voice"], s.web["/after"] = dialling(brief.uri), stage.twiml ""
    local alice = assert(s:call())
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("0", after.DialCallDuration)
    party.ended(alice)
    s:quiet()
  end)

  it("S12 both hang up at the same time", function()
    local s <close> = open(party.takes { talk = 3 })
    local alice = assert(s:call())
    while #s:seen "bridged" == 0 do moonline.sleep(0.01) end
    moonline.sleep(s:seen "bridged"[1].time + 3 - moonline.clock())
    alice:hangup()
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("true", after.DialBridged)
    assert.matches("^[23]$", after.DialCallDuration)
    s:quiet()
    assert.equal(1, #s:requests_to "/after")
  end)

  it("S12 the caller, while the action is being answered: its document is not run", function()
    local s <close> = open(party.refuses(486))
    s.web["/after"] = function()
      moonline.sleep(5)
      return stage.twiml "<Redirect>/never</Redirect>"
    end
    local alice = assert(s:call())
    s:request "/after"
    moonline.sleep(1)
    alice:hangup()
    moonline.sleep(0.5)
    assert.equal(0, s.server.env.calls:count()) -- nobody waits for the application
    moonline.sleep(10)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
    assert.equal(1, #s:requests_to "/after")
  end)

  it("the caller, while a slow application is asked for the first document", function()
    local s <close> = stage.open(function(url)
      return { voice = { status_callback = url .. "/cb" } }
    end)
    s.web["/voice"] = function()
      moonline.sleep(10)
      return stage.twiml "<Redirect>/never</Redirect>"
    end
    s.web["/cb"] = ""
    local odd <close> = caller.open(s)
    moonline.sleep(3)
    local left = moonline.clock()
    odd:cancel()
    assert.equal(487, odd:wait(1))
    local told = s:request "/cb"
    assert.equal("canceled", told.params.CallStatus)
    assert.is_true(told.time - left < 0.5)
    moonline.sleep(12)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)

  it("the caller, while a recording to be played is fetched", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml "<Play>/sound.wav</Play><Redirect>/never</Redirect>"
    s.web["/sound.wav"] = function()
      moonline.sleep(10)
      return 404, "none"
    end
    local alice = assert(s:call())
    s:request "/sound.wav"
    moonline.sleep(1)
    alice:hangup()
    moonline.sleep(0.5)
    assert.equal(0, s.server.env.calls:count())
    moonline.sleep(12)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)

  it("S16 nobody: a slow application, a slow receiver of callbacks; all still in order", function()
    local s <close> = open(party.takes { ring = 1, talk = 2 }, "", 'statusCallback="/cb" '
      .. 'statusCallbackEvent="initiated ringing answered completed"')
    local document = s.web["/voice"]
    s.web["/voice"] = function()
      moonline.sleep(3)
      return document
    end
    local callbacks = {}
    s.web["/cb"] = function(request)
      callbacks[#callbacks + 1] = request.params.CallStatus
      moonline.sleep(4)
      return ""
    end
    local alice = assert(s:call())
    assert.equal("2", s:request("/after").params.DialCallDuration)
    party.ended(alice)
    moonline.sleep(20)
    assert.equal("initiated ringing in-progress completed", table.concat(callbacks, " "))
    s:quiet()
  end)

  it("S14 the callee, between its 200 and the fetch of the screening document", function()
    local s <close> = stage.open()
    local brief <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "200 OK", nil, peer.sdp())
        callee_sends(self, request, "BYE", 1)
      end
    end)
    s.web["/voice"] = dialling(brief.uri, "", 'url="/screen"')
    s.web["/screen"], s.web["/after"] = stage.twiml "<Redirect>/never</Redirect>", stage.twiml ""
    local alice = assert(s:call())
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("false", after.DialBridged)
    party.ended(alice)
    s:quiet()
    assert.equal(0, #s:requests_to "/never")
  end)
end)

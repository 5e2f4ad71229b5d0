-- Whom the REST interface calls: numbers through a trunk, users on their phones; and calls that are sent
-- elsewhere before they talk.
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local phones = require "support.phones"
local rest = require "support.rest"
local stage = require "support.stage"

local function place(s, to, fields)
  local form = { To = to, From = "+15550199", Twiml = stage.twiml '<Pause length="3"/>' }
  for name, value in pairs(fields or {}) do form[name] = value end
  return rest.post(s, "/Calls.json", form)
end

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

describe("POST Calls", function()
  it("R1 calls a number through the trunk that takes it, as the number in From", function()
    local carrier <close> = peer.open(busy)
    local s <close> = stage.open { trunks = { carrier = { proxy = "sip:" .. carrier.where } } }
    s.web["/cb"] = ""
    local status, call = place(s, "+1 (555) 010-0100", { StatusCallback = s.app.url .. "/cb" })
    assert.equal(201, status)
    assert.equal("+15550100100", call.to)
    assert.equal("busy", s:request("/cb").params.CallStatus)
    local invite = carrier:of("INVITE")[1]
    assert.equal("sip:+15550100100@" .. carrier.where, invite.uri)
    assert.matches("^<sip:%+15550199@", invite:get "From")
    assert.equal(("<sip:+15550199@%s>"):format(carrier.where), invite:get "P-Asserted-Identity")
    assert.equal(call.sid, invite:get "X-Twilio-CallSid")
    s:quiet()
  end)

  it("R1 CallerId stands for From", function()
    local carrier <close> = peer.open(busy)
    local s <close> = stage.open { trunks = { carrier = { proxy = "sip:" .. carrier.where } } }
    place(s, "+15550100", { CallerId = "+15550111" })
    s:quiet()
    assert.matches("^<sip:%+15550111@", carrier:of("INVITE")[1]:get "From")
  end)

  it("R1 calls client:alice on all phones of hers; the first that answers has the call", function()
    local s <close> = stage.open { sip = { users = phones.USERS } }
    local first = phones.open(s, "alice", party.takes { ring = 9 })
    local second = phones.open(s, "alice", party.takes { ring = 1 })
    s.web["/answered"] = stage.twiml '<Pause length="3"/>'
    local _, call = place(s, "client:alice", { Url = s.app.url .. "/answered", Twiml = "" })
    local params = s:request("/answered").params
    assert.equal(call.sid, params.CallSid)
    assert.equal("client:alice", params.To)
    s:quiet()
    assert.equal(1, #first.invites)
    assert.equal(1, #second.invites)
  end)

  it("R1 says why nobody can be called", function()
    local s <close> = stage.open { sip = { users = phones.USERS } }
    for to, code in pairs {
      ["client:alice"] = 32009, ["client:nobody"] = 32009, ["+15550100"] = 13224,
      ["+0155"] = 13226, ["1234567890123456"] = 13223, ["sip:"] = 13243,
    } do
      local status, fault = place(s, to)
      assert.equal(400, status)
      assert.equal(code, fault.code)
    end
    assert.equal(0, s.server.env.calls:count())
  end)

  it("R1 MachineDetection is told in the call's Notifications, and the call goes on", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes())
    local _, call = place(s, kate.address, { MachineDetection = "Enable" })
    s:quiet()
    local status, list = rest.get(s, "/Calls/" .. call.sid .. "/Notifications.json")
    assert.equal(200, status)
    assert.equal("21600", list.notifications[1].error_code)
    assert.matches("MachineDetection", list.notifications[1].message_text)
    local _, ended = rest.get(s, "/Calls/" .. call.sid .. ".json")
    assert.equal("completed", ended.status)
    assert.equal("3", ended.duration)
  end)
end)

describe("a call that does not talk yet", function()
  local function redirect(s, sid)
    local status, fault = rest.post(s, "/Calls/" .. sid .. ".json", { Url = s.app.url .. "/other" })
    assert.equal(200, status, fault.message)
  end

  it("S18 is redirected while its voice URL is being asked", function()
    local s <close> = stage.open()
    s.web["/voice"] = function(request)
      moonline.sleep(8)
      request:respond(200, stage.twiml "<Hangup/>")
    end
    s.web["/other"] = stage.twiml '<Pause length="2"/>'
    local alice = s:begin()
    local sid = s:request("/voice").params.CallSid
    redirect(s, sid)
    local params = s:request("/other", 1).params
    assert.equal(sid, params.CallSid)
    assert.equal("ringing", params.CallStatus)
    party.ended(alice)
    s:quiet()
  end)

  it("S18 is redirected while it rings: it goes there when it is answered", function()
    local s <close> = stage.open()
    s.web["/other"] = stage.twiml '<Pause length="2"/>'
    local kate = s:phone("kate", party.takes { ring = 5 })
    local _, call = place(s, kate.address, { Url = s.app.url .. "/answered", Twiml = "" })
    moonline.sleep(2)
    redirect(s, call.sid)
    assert.equal("in-progress", s:request("/other", 5).params.CallStatus)
    assert.equal(0, #s:requests_to "/answered")
    s:quiet()
  end)

  it("S18 is redirected while the party that it dials rings: that one is canceled", function()
    local s <close> = stage.open()
    s.web["/cb"] = ""
    local kate = s:phone("kate", party.rings())
    s.web["/voice"] = stage.twiml(
      ('<Dial action="/after"><Sip statusCallback="/cb">%s</Sip></Dial>'):format(kate.address))
    s.web["/other"] = stage.twiml '<Pause length="2"/>'
    s:call()
    moonline.sleep(2)
    local sid = s:request("/voice").params.CallSid
    redirect(s, sid)
    assert.equal(sid, s:request("/other", 2).params.CallSid)
    assert.equal("canceled", s:request("/cb", 2).params.CallStatus)
    assert.equal(0, #s:requests_to "/after")
    s:quiet()
  end)
end)

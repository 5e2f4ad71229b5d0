-- S10: how many parties one Dial may call.
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

local function nouns(phones, sip)
  local list = {}
  for i, phone in ipairs(phones) do
    list[i] = ("<Sip %s>%s</Sip>"):format(sip or "", phone.address)
  end
  return table.concat(list)
end

-- A Dial of this content with an action, from a caller: the action's parameters.
local function dial(s, content, attributes)
  s.web["/voice"] = stage.twiml(("<Dial action='/after' %s>%s</Dial>"):format(attributes or "",
    content))
  s.web["/after"] = stage.twiml "<Hangup/>"
  s.alice_leg = s:begin()
  return s:request("/after").params
end

local function refused(content, code, pattern)
  local s <close> = stage.open()
  local kate = story.phone(s, "kate", story.answers)
  local params = dial(s, (content:gsub("KATE", kate.address)))
  assert.equal("failed", params.DialCallStatus)
  assert.equal("false", params.DialBridged)
  assert.is_true(story.no_child(params))
  assert.matches(pattern, s:warned(code))
  s:quiet()
  assert.equal(0, #kate.invites)
end

describe("a Dial", function()
  it("S10 of two Sip nouns is 13250, nothing is dialled; the message names the setting", function()
    refused("<Sip>KATE</Sip><Sip>KATE</Sip>", 13250, "dial%.several")
  end)

  it("S10 of a Sip and another noun is 13215, nothing is dialled", function()
    for _, other in ipairs { "<Number>+15550100</Number>", "<Client>joe</Client>",
      "<Queue>q</Queue>", "<Conference>room</Conference>" } do
      refused("<Sip>KATE</Sip>" .. other, 13215, "dial%.several")
      refused(other .. "<Sip>KATE</Sip>", 13215, "dial%.several")
    end
  end)

  it("S10 that is refused goes on with the next verb where it has no action", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.answers)
    s.web["/voice"] = stage.twiml("<Dial>" .. nouns { kate, kate }
      .. "</Dial><Redirect>/next</Redirect>")
    s.web["/next"] = stage.twiml "<Hangup/>"
    s:begin()
    s:request "/next"
    assert.equal(0, #kate.invites)
    s:quiet()
  end)
end)

describe("dial.several", function()
  local SEVERAL = { dial = { several = true } }

  it("S10 calls all at once; the first to answer gets the call, the others a CANCEL", function()
    local s <close> = stage.open(SEVERAL)
    s.web["/events"] = ""
    local slow = story.phone(s, "slow", story.rings)
    local fast = story.phone(s, "fast", function(call)
      call:ring()
      moonline.sleep(3)
      call:answer()
      moonline.sleep(5)
    end)
    local busy = story.phone(s, "busy", story.refuses(486))
    local sip = "statusCallback='/events' statusCallbackEvent='completed'"
    local params = dial(s, nouns({ slow, fast, busy }, sip))
    assert.equal("completed", params.DialCallStatus)
    assert.equal("true", params.DialBridged)
    assert.equal("5", params.DialCallDuration)
    assert.equal(fast.invites[1]:get "X-Twilio-CallSid", params.DialCallSid)
    assert.near(slow.invites[1].time, fast.invites[1].time, 0.05)
    assert.near(busy.invites[1].time, fast.invites[1].time, 0.05)
    s:quiet()
    local told = {}
    for _, request in ipairs(s:requests_to "/events") do
      told[request.params.CallSid] = request.params.CallStatus
    end
    assert.equal("busy", told[busy.invites[1]:get "X-Twilio-CallSid"])
    assert.equal("canceled", told[slow.invites[1]:get "X-Twilio-CallSid"])
    assert.equal("completed", told[params.DialCallSid])
  end)

  it("S10 <Dial sequential> calls them one after the other", function()
    local s <close> = stage.open(SEVERAL)
    local one = story.phone(s, "one", story.refuses(486))
    local two = story.phone(s, "two", story.rings)
    local three = story.phone(s, "three", function(call)
      call:answer()
      moonline.sleep(4)
    end)
    local four = story.phone(s, "four", story.answers)
    local params = dial(s, nouns { one, two, three, four }, "sequential='true' timeout='6'")
    assert.equal("completed", params.DialCallStatus)
    assert.equal("4", params.DialCallDuration)
    assert.equal(three.invites[1]:get "X-Twilio-CallSid", params.DialCallSid)
    assert.near(0, two.invites[1].time - one.invites[1].time, 0.1)
    assert.near(6, three.invites[1].time - two.invites[1].time, 0.2)
    assert.equal(0, #four.invites)
    s:quiet()
  end)

  it("S10 that nobody takes comes to how the last one ended", function()
    local s <close> = stage.open(SEVERAL)
    local one = story.phone(s, "one", story.refuses(486))
    local two = story.phone(s, "two", story.rings)
    assert.equal("no-answer", dial(s, nouns { one, two }, "timeout='5'").DialCallStatus)
    local params = dial(s, nouns { two, one }, "timeout='5' sequential='true'")
    assert.equal("busy", params.DialCallStatus)
    s:quiet()
  end)

  it("S10 ends all of them when the caller leaves", function()
    for _, attributes in ipairs { "", "sequential='true'" } do
      local s <close> = stage.open(SEVERAL)
      local one = story.phone(s, "one", story.rings)
      local two = story.phone(s, "two", story.rings)
      s.web["/voice"] = stage.twiml(("<Dial action='/after' %s>%s</Dial>"):format(attributes,
        nouns { one, two }))
      s.web["/after"] = ""
      local alice = assert(s:call())
      moonline.sleep(2)
      alice:hangup()
      assert.equal("canceled", s:request("/after").params.DialCallStatus)
      assert.equal(attributes == "" and 1 or 0, #two.invites)
      s:quiet()
    end
  end)

  it("S10 screens the one who answered, and gives the call to nobody when it declines", function()
    local s <close> = stage.open(SEVERAL)
    s.web["/screen"] = stage.twiml "<Hangup/>"
    local one = story.phone(s, "one", story.answers)
    local two = story.phone(s, "two", story.rings)
    local params = dial(s, nouns({ one, two }, "url='/screen'"))
    assert.equal("completed", params.DialCallStatus)
    assert.equal("false", params.DialBridged)
    assert.equal(one.invites[1]:get "X-Twilio-CallSid", params.DialCallSid)
    s:quiet()
  end)

  it("S10 takes ten nouns and refuses eleven", function()
    local s <close> = stage.open(SEVERAL)
    local phone = story.phone(s, "kate", story.refuses(486))
    local ten, eleven = {}, {}
    for i = 1, 11 do
      ten[i], eleven[i] = i <= 10 and phone or nil, phone
    end
    assert.equal("busy", dial(s, nouns(ten)).DialCallStatus)
    assert.equal(10, #phone.invites)
    local params = dial(s, nouns(eleven))
    assert.equal("failed", params.DialCallStatus)
    assert.is_true(story.no_child(params))
    assert.matches("10", s:warned(13250))
    assert.equal(10, #phone.invites)
    s:quiet()
  end)

  it("S10 is not needed for one noun, and does not change it", function()
    local s <close> = stage.open(SEVERAL)
    local kate = story.phone(s, "kate", story.answers)
    assert.equal("completed", story.talk(s, kate.address).DialCallStatus)
    s:quiet()
  end)
end)

-- S11: a Dial without action.
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

local function open(fn, rest, attributes)
  local s = stage.open()
  local kate = story.phone(s, "kate", fn)
  s.web["/voice"] = stage.twiml(("<Dial %s><Sip>%s</Sip></Dial>%s"):format(attributes or "",
    kate.address, rest or ""))
  s.web["/next"] = stage.twiml "<Hangup/>"
  return s, kate
end

local NEXT = "<Redirect>/next</Redirect>"

local function leaves(call)
  call:answer()
  moonline.sleep(3)
end

describe("a Dial without action", function()
  it("S11 goes on with the next verb when the callee hangs up", function()
    local s <close> = open(leaves, NEXT)
    assert(s:call())
    local request = s:request "/next"
    assert.equal("in-progress", request.params.CallStatus)
    assert.is_nil(request.params.DialCallStatus)
    s:quiet()
  end)

  it("S11 goes on with the next verb when it fails, however it fails", function()
    for _, fn in ipairs { story.refuses(486), story.refuses(404), story.rings } do
      local s <close> = open(fn, NEXT, 'timeout="4"')
      s:begin()
      assert.equal("in-progress", s:request("/next").params.CallStatus)
      s:quiet()
    end
  end)

  it("S11 goes on with an unanswered caller, too", function()
    local s <close> = open(story.refuses(486), NEXT, 'answerOnBridge="true"')
    local alice = s:begin()
    assert.equal("ringing", s:request("/next").params.CallStatus)
    assert.equal(486, alice.box:wait({ "failed" }, 30).code)
    s:quiet()
  end)

  it("S11 ends the call when no verb is left", function()
    local s <close> = open(leaves)
    local alice = assert(s:call())
    local begun = moonline.clock()
    local event = alice.box:wait({ "ended" }, 60)
    assert.equal("peer", event.cause)
    assert.near(3, moonline.clock() - begun, 0.5)
    s:quiet()
  end)

  it("S11 runs no verb for a caller who left", function()
    local s <close> = open(story.answers, NEXT)
    local alice = assert(s:call())
    moonline.sleep(3)
    alice:hangup()
    s:quiet()
    moonline.sleep(1)
    assert.equal(0, #s:requests_to "/next")
    local verbs = {}
    for i, event in ipairs(s:seen "verb") do verbs[i] = event.name end
    assert.same({ "Dial" }, verbs)
  end)

  it("S11 may be followed by another Dial", function()
    local s <close> = stage.open()
    local busy = story.phone(s, "busy", story.refuses(486))
    local kate = story.phone(s, "kate", leaves)
    s.web["/voice"] = stage.twiml(("<Dial><Sip>%s</Sip></Dial>"
      .. "<Dial action='/after'><Sip>%s</Sip></Dial>"):format(busy.address, kate.address))
    s.web["/after"] = stage.twiml ""
    assert(s:call())
    local params = s:request("/after").params
    assert.equal("completed", params.DialCallStatus)
    assert.equal(kate.invites[1]:get "X-Twilio-CallSid", params.DialCallSid)
    assert.equal(1, #busy.invites)
    s:quiet()
  end)
end)

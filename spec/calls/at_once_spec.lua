-- S17: a dialled leg starts at once, never queued.
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

describe("a dialled leg", function()
  it("S17 starts in the moment its document comes", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.refuses(486))
    local served
    s.web["/voice"] = function()
      served = moonline.clock()
      return story.document(kate.address)
    end
    s.web["/after"] = stage.twiml ""
    s:begin()
    s:request "/after"
    assert.near(served, kate.invites[1].time, 0.02)
    s:quiet()
  end)

  it("S17 does not wait for the many that ring already", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.rings)
    local legs = {}
    for i = 1, 60 do legs[i] = story.begin(s, kate.address, { dial = 'timeout="20"' }) end
    moonline.sleep(0.5)
    assert.equal(60, #kate.invites)
    for i = 2, 60 do
      assert.near(kate.invites[1].time, kate.invites[i].time, 0.2)
    end
    local sids = {}
    for _, invite in ipairs(kate.invites) do sids[invite:get "X-Twilio-CallSid"] = true end
    local count = 0
    for _ in pairs(sids) do count = count + 1 end
    assert.equal(60, count)
    for _, leg in ipairs(legs) do leg:hangup() end
    s:quiet()
  end)

  it("S17 does not wait for a callback that is slow, nor for one that fails", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", function(call)
      call:ring()
      moonline.sleep(1)
      story.answers(call)
    end)
    s.web["/slow"] = function()
      moonline.sleep(10)
      return ""
    end
    for i, url in ipairs { "/slow", "/nothing-there", "http://127.0.0.1:9/" } do
      local begun = moonline.clock()
      local alice = story.begin(s, kate.address, { sip = ('statusCallback="%s"'):format(url)
        .. ' statusCallbackEvent="initiated ringing answered completed"' })
      story.bridged(s, i)
      assert.near(1, moonline.clock() - begun, 0.3)
      alice:hangup()
      s:request "/after"
    end
    s:quiet()
  end)
end)

-- Call scripts in conferences and queues, by themselves and together with documents.
local audio = require "support.audio"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"

local notes, take = scripted.notes, scripted.take

local function call(s)
  local leg = assert(s:call())
  return { leg = leg, phone = s.alice }
end

describe("a call script in a room", function()
  it("L1 talks in a conference until its star, or the end, and says which", function()
    local s <close> = take [[
      local last = call.headers["x-last"]
      note(select(2, call:conference("room", { star = true, wait = false, beep = false,
        ends = last ~= nil })))
    ]]
    local a = call(s)
    local b = { leg = assert(s:call { headers = { ["X-Last"] = "yes" } }), phone = s.alice }
    local c = call(s)
    meeting.seen(s, "conference", 3)
    local all = { a, b, c }
    for _, one in ipairs(all) do one.ear = audio.listen(one.phone, one.leg) end
    meeting.talk(all, 1)
    moonline.sleep(1.5)
    local want = { { 2, 3 }, { 1, 3 }, { 1, 2 } }
    for i, one in ipairs(all) do
      assert.same(want[i], meeting.heard(one.ear:stop()[1], 0.3, 0.8))
    end
    a.leg.core:play { digits = "*" }
    party.ended(a.leg)
    b.leg:hangup()
    party.ended(c.leg)
    assert.equal("left; hangup; ended", notes(s, 3))
    s:quiet()
  end)

  it("L1 plays its own sound while it waits, and is told when there is no room", function()
    local s <close> = take [[
      if call.headers["x-second"] then
        note(call:conference("room", { max = 1 }))
      else
        note(select(2, call:conference("room", { wait = { tone = "700", seconds = 1 } })))
      end
    ]]
    local a = call(s)
    a.ear = audio.listen(a.phone, a.leg)
    moonline.sleep(3)
    assert.is_true(audio.amplitude(a.ear:stop()[1], 700, 0.5, 2.5) > 3000)
    local b = assert(s:call { headers = { ["X-Second"] = "yes" } })
    party.ended(b)
    a.leg:hangup()
    assert.equal("nil full; hangup", notes(s, 2))
    s:quiet()
  end)

  it("L1 waits in a queue, and takes from one", function()
    local s <close> = take [[
      if call.headers["x-agent"] then
        local seconds, why = call:dequeue("support", { timeout = 5 })
        note("agent", seconds and math.floor(seconds), why)
      else
        local seconds, why = call:enqueue("support", { wait = false, max = 1 })
        note("caller", seconds and math.floor(seconds), why)
      end
    ]]
    local unknown = assert(s:call { headers = { ["X-Agent"] = "yes" } })
    party.ended(unknown)
    local a = call(s)
    moonline.sleep(2)
    local b = call(s) -- one too many
    party.ended(b.leg)
    local agent = assert(s:call { headers = { ["X-Agent"] = "yes" } })
    moonline.sleep(3)
    agent:hangup()
    party.ended(a.leg)
    local late = assert(s:call { headers = { ["X-Agent"] = "yes" } })
    party.ended(late)
    local told = notes(s, 5)
    assert.equal("agent nil unknown; caller nil full", told:match "^[^;]*; [^;]*")
    assert.is_truthy(told:find("agent 3 hangup", 1, true))
    assert.is_truthy(told:find("caller 2 talked", 1, true))
    assert.is_truthy(told:find("agent nil no-answer", 1, true))
    s:quiet()
  end)
end)

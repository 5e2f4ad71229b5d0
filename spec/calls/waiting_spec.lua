-- L1: waiting for several things at once: groups of tasks, and several legs.
local moonline = require "moonline"
local stage = require "support.stage"
local story = require "support.story"

describe("L1 a group", function()
  it("gives the first result, and ends the others", function()
    local ended
    do
      local group <close> = moonline.group()
      group:spawn(function() moonline.sleep(1) end)
      group:spawn(function()
        moonline.sleep(2)
        return "two", 2
      end)
      group:spawn(function()
        local _ <close> = setmetatable({}, { __close = function() ended = moonline.clock() end })
        moonline.sleep(30)
      end)
      local begun = moonline.clock()
      assert.same({ "two", 2 }, { group:first() })
      assert.near(2, moonline.clock() - begun, 0.01)
    end
    assert.near(moonline.clock(), ended, 0.01)
  end)

  it("says when none gave anything, and when time ran out", function()
    local group <close> = moonline.group()
    group:spawn(function() moonline.sleep(1) end)
    assert.same({ nil, "none" }, { group:first(5) })
    group:spawn(function() moonline.sleep(9) return true end)
    local begun = moonline.clock()
    assert.same({ nil, "timeout" }, { group:first(3) })
    assert.near(3, moonline.clock() - begun, 0.01)
  end)

  it("waits for all and gives their results in order", function()
    local group <close> = moonline.group()
    for i = 1, 4 do
      group:spawn(function()
        moonline.sleep(5 - i)
        if i ~= 3 then return i * 10 end
      end)
    end
    local results = group:wait()
    assert.same({ 10, 20, nil, 40 }, { results[1], results[2], results[3], results[4] })
  end)

  it("raises what a task of it raised", function()
    local ok, problem = pcall(function()
      local group <close> = moonline.group()
      group:spawn(function() error("of the task", 0) end)
      group:wait()
    end)
    assert.is_false(ok)
    assert.equal("of the task", problem:match("^[^\n]*"))
  end)

  it("hangs up the leg that came too late", function()
    local s <close> = stage.open()
    local ends = {}
    for _, user in ipairs { "kate", "bob" } do
      s[user] = s:phone(user, function(call)
        call:answer()
        ends[user] = call.box:wait({ "ended" }, 60)
      end)
    end
    do
      local agent <close> = assert(moonline.agent())
      local group <close> = moonline.group()
      for _, user in ipairs { "kate", "bob" } do
        group:spawn(function() return (agent:call(s[user].address)) end)
      end
      moonline.sleep(5) -- both have answered
      local leg <close> = group:first()
      assert.equal("in-progress", leg.state)
      group:close()
      moonline.sleep(1)
      assert.is_true((ends.kate == nil) ~= (ends.bob == nil)) -- one of them
    end
    moonline.sleep(1)
    assert.is_table(ends.kate)
    assert.is_table(ends.bob)
  end)
end)

describe("L1 moonline.wait", function()
  -- Two legs of one agent, and the phones at their other ends.
  local function two(s)
    local agent, legs, far = assert(moonline.agent()), {}, {}
    s.phones[#s.phones + 1] = agent
    for i, user in ipairs { "kate", "bob" } do
      local phone = s:phone(user, function(call)
        far[i] = call
        story.answers(call)
      end)
      legs[i] = assert(agent:call(phone.address))
      s.legs[#s.legs + 1] = legs[i]
    end
    return legs, far
  end

  it("tells which leg pressed a key", function()
    local s <close> = stage.open()
    local legs, far = two(s)
    moonline.spawn(function()
      moonline.sleep(2)
      far[2].core:play { digits = "7" }
    end)
    local leg, event = moonline.wait(legs, { "digit" }, 30)
    assert.equal(legs[2], leg)
    assert.equal("7", event.digit)
  end)

  it("tells which leg ended", function()
    local s <close> = stage.open()
    local legs, far = two(s)
    moonline.timer(2, function() far[1]:hangup() end)
    local leg, event = moonline.wait(legs, { "digit" }, 30)
    assert.equal(legs[1], leg)
    assert.equal("ended", event.kind)
  end)

  it("gives up in time, and the legs live on", function()
    local s <close> = stage.open()
    local legs = two(s)
    assert.same({ nil, "timeout" }, { moonline.wait(legs, nil, 4) })
    assert.equal("in-progress", legs[1].state)
    assert.equal("in-progress", legs[2].state)
  end)
end)

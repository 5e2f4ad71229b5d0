-- Reloads under live calls: a sample of spec/long/reload.
local changing = require "support.changing"
local fire = require "support.fire"
local moonline = require "moonline"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

describe("reloads under fire", function()
  it("L2 L3 drop no call and leave nothing, thirty in a hundred of them broken", function()
    local own <close> = changing.folder()
    local path, kate = own.path .. "/line.lua", assert(moonline.agent())
    local others = {}
    kate:on("call", function(call)
      others[#others + 1] = call
      fire.talks(call)
    end)
    changing.write(path, fire.text(0, kate:uri "kate"))
    local s <close> = stage.open { voice = { script = path } }
    s.phones = { kate }
    local legs = fire.calls(function() return s:call() end, 10)
    moonline.sleep(1)
    local memory, handles = s.server.generation:memory(), sys.counts().generation
    fire.gap(legs)
    fire.gap(others)
    local broken = fire.reload(path, kate:uri "kate", 20, function(kind, write)
      local before = #s:seen(kind)
      write()
      changing.told(s, kind, before)
    end, function()
      return (select(3, s:call { from = "new" }))
    end)
    assert.equal(6, broken)
    moonline.sleep(1)
    fire.alive(legs)
    assert.equal(10, #others)
    assert.is_true(fire.gap(legs) <= 0.04)
    assert.is_true(fire.gap(others) <= 0.04)
    for _, leg in ipairs(legs) do assert.is_true(leg.core:stats().received > 250) end
    for _, leg in ipairs(legs) do leg:hangup() end
    s:quiet()
    assert.equal(1, changing.generations(s))
    moonline.sleep(1)
    collectgarbage()
    collectgarbage()
    assert.equal(handles, sys.counts().generation)
    s.server.generation:collect()
    assert.is_true(s.server.generation:memory() < 1.2 * memory)
  end)
end)

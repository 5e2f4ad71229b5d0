-- Every order of events on each way that a Dial can go, and on the five examples of the page.
local explore = require "moonline.sim.explore"
local process = require "support.process"
local scenario = require "moonline.sim.scenario"
local schedule = require "moonline.sim.explore.schedule"

local SCHEDULES <const> = tonumber(os.getenv "RACES" or 1000)

describe("moonline explore finds nothing in", function()
  for _, file in ipairs { "races.lua", "seed_test.lua" } do
    for _, one in ipairs(assert(scenario.read(process.root .. "/spec/sim/" .. file))) do
      it(one.name, function()
        local found = {}
        assert(explore.run(one, { schedules = SCHEDULES, failed = function(breach)
          found[#found + 1] = table.concat(breach.problems, "\n") .. "\n"
            .. schedule.text(breach.schedule)
        end }))
        assert.same({}, found)
      end)
    end
  end
end)

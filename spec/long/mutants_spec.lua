-- Ten known bugs, put in on purpose: the explorer finds each, by the rule that it breaks.
local explore = require "moonline.sim.explore"
local mutants = require "support.mutants"
local process = require "support.process"
local scenario = require "moonline.sim.scenario"

local SCHEDULES <const> = 300

local scenarios = {}
for _, one in ipairs(assert(scenario.read(process.root .. "/spec/sim/races.lua"))) do
  scenarios[one.name] = one
end

local function breaks(problems, rule)
  for _, problem in ipairs(problems) do
    if problem:find("^" .. rule .. ":") then return true end
  end
  return false
end

describe("moonline explore", function()
  for _, mutant in ipairs(mutants.list) do
    it("finds " .. mutant.name, function()
      local folder <close> = mutants.make(mutant)
      local found = false
      local report = assert(explore.run(scenarios[mutant.scenario], {
        schedules = SCHEDULES, lua = folder.path, failures = 1,
        failed = function(breach) found = found or breaks(breach.problems, mutant.rule) end,
      }))
      assert.is_true(found, ("%d schedules, nothing of %s"):format(report.schedules, mutant.rule))
    end)
  end
end)

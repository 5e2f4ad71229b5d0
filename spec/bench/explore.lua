-- Schedules of a call without media that the explorer plays in a minute of CPU: one server, two phones, a
-- web application with an action and four callbacks, all in this process. Aim: 10,000.
local explore = require "moonline.sim.explore"
local scenario = require "moonline.sim.scenario"
local workspace = require "moonline.sim.workspace"

local COUNT = tonumber(arg[1]) or 1500

require("moonline.log").setup "error"
do
  local _ <close> = workspace.open()
  local own = arg[0]:match("^(.*)/[^/]*$")
  local one = assert(scenario.read(own .. "/../sim/races.lua"))[1]
  local report = assert(explore.run(one, {
    schedules = COUNT,
    failed = function(breach)
      print(table.concat(breach.problems, "\n"))
      print(explore.text(breach.schedule))
    end,
  }))
  print(("%-46s %.0f a minute (aim 10000), %.1f ms each, %d failures"):format("schedules explored",
    60 * report.schedules / report.seconds, 1000 * report.seconds / report.schedules,
    #report.failures))
end
os.exit(0)

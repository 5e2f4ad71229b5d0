-- moonline explore: a scenario under many orders of what can happen, and what breaks.

local explore = require "moonline.sim.explore"
local log = require "moonline.core.log"
local scenario = require "moonline.sim.scenario"
local workspace = require "moonline.sim.workspace"

local command = { summary = "Try every order of events on a scenario" }

local SCHEDULES <const> = 2000

function command.define(parser)
  parser:argument("file", "Lua file of scenarios, or TwiML document."):argname("FILE")
  parser:option("--scenario", "Only those whose name has this in it."):argname("TEXT")
  parser:option("--schedules", "How many of each scenario."):argname("N"):convert(math.tointeger)
    :default(tostring(SCHEDULES))
  parser:option("--seconds", "At most so many seconds of CPU for each."):argname("N")
    :convert(tonumber)
  parser:option("--seed", "Of the random schedules."):argname("N"):default("1")
    :convert(math.tointeger)
  parser:option("--out", "Folder for the schedules that fail."):argname("FOLDER"):default(".")
end

-- A document alone is a scenario, too: everybody rings, answers and talks.
local function read(path)
  if path:match("%.lua$") then return scenario.read(path) end
  local folder, name = path:match("^(.*)/([^/]*)$")
  local file <close> = io.open(path, "rb")
  if not file then return nil, "there is no file " .. path end
  return { { name = name or path, file = path, document = name or path, folder = folder or ".",
    phones = {}, pages = {}, config = {}, seed = 1, listen = 0 } }
end

-- "dial.lua" and "kate takes it" -> "kate-takes-it-race-1.lua"
local function path_for(options, one, number)
  local plain = one.name:gsub("[^%w]+", "-"):gsub("^-", ""):gsub("-$", ""):lower()
  return ("%s/%s-race-%d.lua"):format(options.out, plain, number)
end

local function absolute(path)
  return path:match("^/") and path or require("lfs").currentdir() .. "/" .. path
end

local function write(path, one, failure)
  local file <close>, why = io.open(path, "w")
  if not file then return nil, why end
  local lines = { "-- Found by moonline explore. moonline test replays it.\n" }
  for _, problem in ipairs(failure.problems) do lines[#lines + 1] = ("-- %s\n"):format(problem) end
  lines[#lines + 1] = ("scenario %q {\n  like = { %q, %q },\n  schedule = {\n%s  },\n}\n"):format(
    one.name .. ", a race", absolute(one.file), one.name,
    explore.text(failure.schedule, "    "))
  return file:write(table.concat(lines))
end

local function explore_one(one, options, out)
  out.line(one.name)
  local count = 0
  return explore.run(one, {
    schedules = options.schedules, seconds = options.seconds, seed = options.seed,
    progress = function(report)
      out.line(("  %d schedules, %.0f a second, %d failures"):format(report.schedules,
        report.schedules / report.seconds, #report.failures))
    end,
    failed = function(failure)
      count = count + 1
      local path = path_for(options, one, count)
      for _, problem in ipairs(failure.problems) do out.line("  FAILED " .. problem) end
      out.line(explore.text(failure.schedule, "    "):gsub("\n$", ""))
      local ok, why = write(path, one, failure)
      out.line(ok and "  written to " .. path or "  " .. why)
    end,
  })
end

function command.run(options, out)
  log.setup("error", "text")
  local _ <close> = workspace.open()
  local list, why = read(options.file)
  if not list then
    out.problem(why)
    return 1
  end
  local failures, schedules, seconds = 0, 0, 0
  for _, one in ipairs(list) do
    if not options.scenario or one.name:find(options.scenario, 1, true) then
      local report
      report, why = explore_one(one, options, out)
      if not report then
        out.problem(("%s: %s"):format(one.name, tostring(why):match("^[^\n]*")))
        failures = failures + 1
      else
        failures, schedules = failures + #report.failures, schedules + report.schedules
        seconds = seconds + report.seconds
      end
    end
  end
  out.line(("%d schedules of %d scenarios in %.0f s, %d failed"):format(schedules, #list, seconds,
    failures))
  return failures == 0 and 0 or 1
end

return command

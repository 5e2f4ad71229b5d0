-- moonline test: plays scenarios and says which of them went as expected.

local explore = require "moonline.sim.explore"
local failure = require "moonline.sim.failure"
local golden = require "moonline.sim.golden"
local lfs = require "lfs"
local log = require "moonline.core.log"
local scenario = require "moonline.sim.scenario"
local verdict = require "moonline.sim.verdict"
local workspace = require "moonline.sim.workspace"

local test = { summary = "Play scenarios and check what comes of them" }

local HELP = [[
A file declares scenarios: docs/test.md. Exit code 0: all went as expected; 1: one did not,
or a file cannot be read.]]

function test.define(parser)
  parser:argument("file", "Files of scenarios, or folders of *_test.lua; else this one.")
    :args("*")
  parser:option("--filter", "Only scenarios in whose name this text stands."):argname("TEXT")
  parser:option("--seed", "Of all that is random, instead of the scenario's own."):argname("N")
    :convert(math.tointeger)
  parser:option("--seeds", "Each scenario with the seeds from 1 to N."):argname("N")
    :convert(math.tointeger)
  parser:option("--output", "What is printed: dots, names, junit, json."):default("dots")
    :choices({ "dots", "names", "junit", "json" })
  parser:option("--junit", "Write a JUnit document, too."):argname("FILE")
  parser:option("--events", "Write all events, one a line."):argname("FILE")
  parser:flag("--ladders", "Print the ladder of each.")
  parser:flag("--update", "Write the ladders that scenarios are compared with.")
  parser:flag("--real-time", "In real time, not in virtual.")
  parser:flag("--log", "Show the log, too.")
  parser:epilog(HELP)
end

-- What is wrong with a scenario that was played.
local function judge(one, result, seed, options)
  local why = scenario.check(one, result)
  if why or not one.ladder or seed ~= one.seed then return why end
  return golden.check(one.folder .. "/" .. one.ladder, result:ladder(), options)
end

-- One that has a schedule is judged by the rules that hold for every call.
local function replay(one, told)
  local problems = explore.replay(one)
  if #problems > 0 then
    told.failure = failure.of("rules are broken:\n" .. table.concat(problems, "\n"))
  end
  return told
end

local function play(one, seed, options)
  local told = { name = one.name, file = one.file, line = one.line, seed = seed, seconds = 0 }
  if one.schedule then return replay(one, told) end
  local result <close>, why = scenario.play(one, { seed = seed })
  if not result then
    told.failure = failure.of(tostring(why):match("^[^\n]*"))
    return told
  end
  told.seconds, told.failure = result:seconds(), judge(one, result, seed, options)
  if told.failure or options.ladders then told.ladder = result:ladder() end
  if options.log_file then options.log_file:write(result:log()) end
  return told
end

local show = {}

function show.dots(told, options)
  io.stdout:write(told.failure and "F" or ".")
  if options.ladders then io.stdout:write("\n", told.name, "\n", told.ladder) end
end

function show.names(told, options)
  io.stdout:write(told.failure and "FAILED " or "ok     ", told.name, "\n")
  if options.ladders then io.stdout:write(told.ladder) end
end

local finish = {}

function finish.dots(list, out)
  out.line ""
  finish.names(list, out)
end

function finish.names(list, out)
  for _, one in ipairs(list) do
    if one.failure then out.line("\n" .. verdict.failure(one)) end
  end
  out.line(verdict.total(list))
end

function finish.junit(list, out)
  out.line((verdict.junit(list):gsub("\n$", "")))
end

function finish.json(list, out)
  out.line(verdict.json(list))
end

-- The files that an argument stands for.
local function files_of(path)
  if lfs.attributes(path, "mode") ~= "directory" then return { path } end
  local list = {}
  for entry in lfs.dir(path) do
    if entry:match("_test%.lua$") then
      list[#list + 1] = path == "." and entry or ("%s/%s"):format(path, entry)
    end
  end
  table.sort(list)
  return list
end

local function all_files(options)
  local list = {}
  for _, path in ipairs(#options.file > 0 and options.file or { "." }) do
    local found = files_of(path)
    if #found == 0 then return nil, ("%s: no *_test.lua in it"):format(path) end
    table.move(found, 1, #found, #list + 1, list)
  end
  return list
end

-- The scenarios of all files; nil and what is wrong.
local function read(options)
  local list = {}
  local files, none = all_files(options)
  if not files then return nil, none end
  for _, path in ipairs(files) do
    local found, why = scenario.read(path)
    if not found then return nil, why end
    for _, one in ipairs(found) do
      local is_asked = not options.filter or one.name:find(options.filter, 1, true)
      if is_asked then list[#list + 1] = one end
    end
  end
  if #list == 0 then
    return nil, ("no scenario has %q in its name"):format(options.filter)
  end
  return list
end

local function play_all(list, options)
  local told = {}
  for _, one in ipairs(list) do
    for number = 1, options.seeds or 1 do
      local seed = options.seeds and number or options.seed or one.seed
      told[#told + 1] = play(one, seed, options)
      if show[options.output] then
        show[options.output](told[#told], options)
        io.stdout:flush()
      end
    end
  end
  return told
end

local function write(path, text)
  local file <close>, why = io.open(path, "wb")
  if not file then return nil, why end
  return file:write(text)
end

function test.run(options, out)
  log.setup(options.log and "info" or "error", "text")
  local list, why = read(options)
  if list and options.events then options.log_file, why = io.open(options.events, "wb") end
  if why then
    out.problem(why)
    return 1
  end
  local _ <close> = workspace.open()
  local told = play_all(list, options)
  if options.log_file then options.log_file:close() end
  finish[options.output](told, out)
  if options.junit then
    local ok, problem = write(options.junit, verdict.junit(told))
    if not ok then
      out.problem(problem)
      return 1
    end
  end
  for _, one in ipairs(told) do
    if one.failure then return 1 end
  end
  return 0
end

return test

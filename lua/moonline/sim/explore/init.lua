-- The race explorer: plays a scenario under many schedules, and makes each that breaks a rule small.

local judge = require "moonline.sim.explore.judge"
local schedule = require "moonline.sim.explore.schedule"
local search = require "moonline.sim.explore.search"
local shrink = require "moonline.sim.explore.shrink"
local sys = require "moonline.core.sys"
local task = require "moonline.task"
local world = require "moonline.sim.explore.world"

local explore = {}

local BATCH <const> = 200 -- schedules between two looks at the memory
local REST <const> = 45 -- seconds: finished transactions are kept for 32
local NOTICE <const> = 1 -- second between two words on how it goes
local DIFFERENT <const> = 5 -- failures that are told; more of them say nothing new

---@class moonline.SimBreach
---@field schedule moonline.SimStep[] small
---@field problems string[]

---@class moonline.SimReport
---@field schedules integer played
---@field seconds number of CPU
---@field failures moonline.SimBreach[]
---@field labels integer different messages and requests seen

-- ---- what was seen -----------------------------------------------------------------------------

local function remember(known, outcome)
  for _, entry in ipairs(outcome.trace) do
    if not known.labels[entry.label] and entry.label:sub(1, 1) ~= "!" then
      known.labels[entry.label] = true
      known.entries[#known.entries + 1] = entry
      entry.text = nil
      if entry.party and entry.party ~= "someone" and not known.is_party[entry.party] then
        known.is_party[entry.party] = true
        known.parties[#known.parties + 1] = entry.party
      end
    end
  end
end

-- ---- memory ------------------------------------------------------------------------------------

local function weigh(self)
  task.sleep(REST)
  collectgarbage()
  collectgarbage()
  self.world.stage.server.generation:collect()
  self.world.stage.server.generation:collect()
  return sys.counts()
end

-- What a batch of schedules has left behind: more than a tenth of one thing a schedule.
local function leaks(before, now)
  local list = {}
  for name, count in pairs(now) do
    local extra = count - (before[name] or 0)
    if extra > BATCH / 10 then list[#list + 1] = ("left: %s: %d more"):format(name, extra) end
  end
  table.sort(list)
  return list
end

-- ---- failures ----------------------------------------------------------------------------------

-- A problem without its numbers: what else it may be called when steps are left out.
local function kind_of(problem)
  return (problem:gsub("%d+", "N"))
end

local function shares(problems, kinds)
  for _, problem in ipairs(problems) do
    if kinds[kind_of(problem)] then return true end
  end
  return false
end

local function fresh_problems(self, list)
  assert(self.world:renew())
  self.world.wants_end = self.wants_end
  return (self.world:problems(list))
end

local function note_failure(self, list, problems)
  local kinds, new = {}, false
  for _, problem in ipairs(problems) do
    local kind = kind_of(problem)
    kinds[kind] = true
    new = new or not self.told[kind]
  end
  if not new then return assert(self.world:renew()) end
  local again = fresh_problems(self, list)
  local small = list
  if shares(again, kinds) then
    small = shrink.smallest(list, function(candidate)
      return shares(fresh_problems(self, candidate), kinds)
    end)
    again = fresh_problems(self, small)
  end
  for kind in pairs(kinds) do self.told[kind] = true end
  local failure = { schedule = small, problems = #again > 0 and again or problems,
    unsteady = #again == 0 }
  self.report.failures[#self.report.failures + 1] = failure
  self.options.failed(failure)
  assert(self.world:renew())
end

-- ---- the course of it --------------------------------------------------------------------------

local function is_enough(self, begun)
  local options, report = self.options, self.report
  report.seconds = os.clock() - begun
  if options.schedules and report.schedules >= options.schedules then return true end
  if options.seconds and report.seconds >= options.seconds then return true end
  return #report.failures >= (options.failures or DIFFERENT)
end

local function look_at_memory(self, lists)
  local now = weigh(self)
  local found = self.weight and leaks(self.weight, now) or {}
  self.weight = now
  if #found > 0 then
    self.report.failures[#self.report.failures + 1] = { schedule = {}, problems = found,
      batch = lists }
    self.options.failed(self.report.failures[#self.report.failures])
  end
end

---Plays a scenario under schedules until there are enough of them.
---@param one moonline.Scenario
---@param options { schedules: integer?, seconds: number?, seed: integer?, failures: integer?, lua: string?, failed: fun(failure: moonline.SimBreach)?, progress: fun(report: moonline.SimReport)? }
---  seconds of CPU; failures: enough of them; lua: folder of sources for the policy
---@return moonline.SimReport?, string? why
function explore.run(one, options)
  local own, why = world.open(one, options.lua)
  if not own then return nil, why end
  local self = { world = own, options = options, told = {},
    report = { schedules = 0, seconds = 0, failures = {}, labels = 0 } }
  self.options.failed = options.failed or function() end
  local _ <close> = own
  local known = { entries = {}, labels = {}, parties = {}, is_party = {} }
  local outcome = own:play {}
  self.wants_end = judge.wants_end(outcome)
  own.wants_end = self.wants_end
  local problems = judge.problems(outcome)
  remember(known, outcome)
  if #problems > 0 then note_failure(self, {}, problems) end
  local begun, told, batch = os.clock(), os.clock(), {}
  local next_schedule = search.schedules(function() return known end, options.seed or 1)
  while not is_enough(self, begun) do
    local list = next_schedule()
    problems, outcome = own:problems(list)
    self.report.schedules = self.report.schedules + 1
    remember(known, outcome)
    self.report.labels = #known.entries
    batch[#batch + 1] = list
    if #problems > 0 then
      note_failure(self, list, problems)
      self.weight, batch = nil, {}
    elseif #batch >= BATCH then
      look_at_memory(self, batch)
      batch = {}
    end
    if options.progress and os.clock() - told > NOTICE then
      told = os.clock()
      options.progress(self.report)
    end
  end
  return self.report
end

---Plays a scenario under its schedule.
---@param one moonline.Scenario
---@return string[] problems
function explore.replay(one)
  local own <close>, why = world.open(one)
  if not own then return { why } end
  own.wants_end = judge.wants_end(own:play {})
  return (own:problems(one.schedule))
end

explore.text = schedule.text

return explore

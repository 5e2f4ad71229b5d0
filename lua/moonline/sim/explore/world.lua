-- What schedules are played in: one stage for all of a scenario, with the wire between its phones and
-- its server.

local audio = require "moonline.sim.explore.audio"
local judge = require "moonline.sim.explore.judge"
local log = require "moonline.core.log"
local scenario = require "moonline.sim.scenario"
local schedule = require "moonline.sim.explore.schedule"
local sys = require "moonline.core.sys"
local task = require "moonline.task"
local web = require "moonline.sim.web"
local wire = require "moonline.sim.explore.wire"

---@class moonline.SimWorld
---@field one moonline.Scenario
---@field stage moonline.SimStage
---@field wire moonline.SimWire
local World = {}
World.__index = World
World.__name = "moonline.SimWorld"

local world = {}

local SESSION <const> = 90 -- seconds: who left without a word is soon missed
local LIMIT <const> = 1200 -- seconds that a call may take
local GRACE <const> = 5 -- seconds until nothing of it is left
local FAREWELL <const> = 40 -- seconds in which phones whose messages were lost give up
local REST <const> = 33 -- seconds until nobody repeats a message any more
local STEP <const> = 0.05
local LINES <const> = 4096

-- What is counted the moment a call is over. What waits for a collection of garbage is not among it.
local COUNTED = { "tasks", "timer", "leg", "call listener" }

local function port(address)
  return math.tointeger(tonumber(address:match(":(%d+)$")))
end

-- ---- who is reached by what happens ------------------------------------------------------------

local function actors(self)
  local function sid(name)
    return name == "caller" and self.stage.first or self.wire.sids[name]
  end
  return {
    server = self.stage.server, sid = sid,
    leg = function(name)
      return name == "caller" and self.stage.caller_leg or self.stage.legs[sid(name)]
    end,
  }
end

-- Pages that the wire is asked about first.
local function pages(self)
  local own = scenario.pages(self.one)
  return setmetatable({}, { __index = function(_, path)
    return function(asked)
      if self.wire:request(path, asked.params) then return 500, "lost" end
      return web.answer(own, self.stage.source, asked, self.stage.draw)
    end
  end })
end

-- ---- what is left ------------------------------------------------------------------------------

local function wait_until(ready, seconds)
  local limit = task.clock() + seconds
  while not ready() do
    if task.clock() > limit then return false end
    task.sleep(STEP)
  end
  return true
end

local function phones_are_free(self)
  return self.stage.phones.core:legs() == 0 and self.stage.caller.core:legs() == 0
end

local function more(before)
  local list, now = {}, sys.counts()
  for _, name in ipairs(COUNTED) do
    local extra = (now[name] or 0) - (before[name] or 0)
    if extra > 0 then list[#list + 1] = ("%d more of: %s"):format(extra, name) end
  end
  return list
end

local function generations(self)
  local count = 0
  for _ in pairs(self.stage.server.generations) do count = count + 1 end
  return count
end

-- May a phone wait for what does not come, or comes when nobody waits for it?
local function loses(list)
  for _, step in ipairs(list) do
    if step.drop or step.cut or step.delay and (step.by or 0) > GRACE then return true end
  end
  return false
end

-- Is all that the schedule does done, and what came of it over? What was sent just now is on its way.
local function is_over(self)
  local server, wire_of = self.stage.server, self.wire
  local sent = #wire_of.trace
  if not wire_of:is_idle() or server:legs() > 0 or not server:is_quiet() then return false end
  task.sleep(STEP)
  return #wire_of.trace == sent and server:legs() == 0 and server:is_quiet()
end

-- Does somebody still repeat a message when the call is over?
local function is_noisy(list)
  for _, step in ipairs(list) do
    if step.twice or step.fork then return true end
  end
  return loses(list)
end

-- Ends what the schedule left of the phones; what the server left is told.
local function left(self, list, before)
  local found = {}
  if not wait_until(function() return is_over(self) end, LIMIT) or self.too_long then
    found[1] = "a call that does not end"
  end
  self.too_long = false
  if not phones_are_free(self) then
    if not loses(list) and not wait_until(function() return phones_are_free(self) end, GRACE) then
      found[#found + 1] = "a phone whose call goes on"
    end
    self.stage.phones.core:hangup()
    self.stage.caller.core:hangup()
    wait_until(function() return phones_are_free(self) end, FAREWELL)
  end
  self.wire:finish()
  local function is_clean() return #more(before) == 0 and generations(self) == 1 end
  if not wait_until(is_clean, GRACE) then
    for _ = 1, 2 do -- a timer that has rung is closed with its handle
      collectgarbage()
      self.stage.server.generation:collect()
    end
    wait_until(is_clean, STEP)
  end
  local extra = more(before)
  table.move(extra, 1, #extra, #found + 1, found)
  if generations(self) > 1 then found[#found + 1] = "a generation that is not freed" end
  return found
end

-- Errors of the log, without times and sids.
local function errors(self)
  local lines = {}
  local event = self.log:wait({ "log" }, 0)
  while event do
    local text = event.line:match("^%S+ error%s+(.*)$")
    if text then lines[#lines + 1] = text:gsub("^%[%w+%] ", ""):gsub("%x%x%x%x%x%x%x%x+", "...") end
    event = self.log:wait({ "log" }, 0)
  end
  return lines
end

-- ---- playing -----------------------------------------------------------------------------------

-- Does anybody in it speak, or press a key?
local function is_silent(self, list)
  for _, spec in pairs(self.one.phones) do
    if spec.says or spec.presses or spec.run then return false end
  end
  for _, step in ipairs(list) do
    if step.act and step.act:find " presses " then return false end
  end
  return true
end

-- Sessions are refreshed, so a call that is forgotten on one side would never end: told, and ended.
local function limited(self)
  return task.after(LIMIT, function()
    self.too_long = true
    self.stage.caller.core:hangup()
    self.stage.phones.core:hangup()
  end)
end

---Plays the scenario under a schedule.
---@param list moonline.SimStep[]
---@return moonline.SimOutcome
function World:play(list)
  local before = sys.counts()
  errors(self)
  local ears = audio.new(function(at) return self.wire:count(at) end, is_silent(self, list))
  self.ears, self.told = ears, {}
  self.wire:begin(list, actors(self), function(...) ears:message(...) end)
  local limit = limited(self)
  self.stage:play {
    phones = self.one.phones, pages = pages(self), seed = self.one.seed, during = self.one.during,
    caller = self.one.caller, limit = LIMIT, goes_on = true,
  }
  limit:cancel()
  local found = left(self, list, before)
  self.ears = nil
  local outcome = {
    trace = self.wire.trace, flooded = self.wire:is_flooded(), events = self.told,
    left = found, audio = ears:finish(), wants_end = self.wants_end, schedule = list,
  }
  outcome.errors = errors(self)
  if is_noisy(list) then task.sleep(REST) end
  return outcome
end

---What is wrong with the scenario under a schedule: "rule: what".
---@param list moonline.SimStep[]
---@return string[] problems
---@return moonline.SimOutcome outcome
function World:problems(list)
  local outcome = self:play(list)
  return judge.problems(outcome), outcome
end

-- Opens what a call needs, plays it once for what is made with the first call and kept, and once more
-- to see how it goes by itself.
local function open(self)
  local why
  self.stage, why = scenario.stage(self.one, self.lua)
  if not self.stage then return nil, why end
  local server = self.stage.server
  server.env.agent:trace(nil) -- the wire sees the messages
  server:observe(function(event)
    if not self.ears then return end
    self.told[#self.told + 1] = event -- the stage stops to note them when the caller's call is over
    self.ears:event(event, self.stage.first)
  end)
  local server_ports, phone_ports = {}, {}
  for _, address in ipairs(server.addresses) do
    if address:find "^udp" then server_ports[#server_ports + 1] = port(address) end
  end
  for _, address in ipairs(self.stage.phones.addresses) do
    if address:find "^udp" then phone_ports[#phone_ports + 1] = port(address) end
  end
  phone_ports[#phone_ports + 1] = port(self.stage.caller.addresses[1])
  self.wire, why = wire.open(server_ports, phone_ports)
  if not self.wire then
    self:close()
    return nil, why
  end
  self.log = task.mailbox(LINES)
  log.capture(self.log)
  self:play {}
  return self
end

---A fresh server, phones and web application: after something went wrong.
---@return moonline.SimWorld?, string? why
function World:renew()
  self:close()
  return open(self)
end

function World:close()
  if self.log then log.capture(nil) end
  if self.wire then self.wire:close() end
  if self.stage then self.stage:close() end
  self.wire, self.stage = nil, nil
end

World.__close = World.close

-- The scenario with short sessions, unless it says how long they are.
local function with_sessions(one)
  local sip = { session_expires = SESSION }
  for name, value in pairs(one.config.sip or {}) do sip[name] = value end
  local config = {}
  for name, value in pairs(one.config) do config[name] = value end
  config.sip = sip
  return setmetatable({ config = config }, { __index = one })
end

---Opens one. Hold it with <close>.
---@param one moonline.Scenario
---@param lua string? folder of sources for the policy, looked in before the program's own
---@return moonline.SimWorld?, string? why
function world.open(one, lua)
  return open(setmetatable({ one = with_sessions(one), lua = lua }, World))
end

world.check = schedule.check

return world

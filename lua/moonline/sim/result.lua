-- What came of a simulated call.

local ladder = require "moonline.sim.ladder"
local names = require "moonline.sim.names"

---@class moonline.SimCall
---@field sid string
---@field party string
---@field status string? CallStatus; of a party that was dialled DialCallStatus
---@field code integer?

---@class moonline.SimRequest
---@field time number
---@field place number among the events
---@field method string
---@field path string
---@field params table<string, string>
---@field headers table<string, string> lower-case names
---@field host string? whom it was meant for, when that is not the simulation

---@class moonline.SimResult
---@field events table[] in time order
---@field failed boolean a document failed
---@field problem string? why the call was not taken
---@field trouble string? what went wrong with the simulation: calls that did not end, an error of `during`
---@field parties string[] those that were dialled or registered, in the order of their appearance
---@field calls moonline.SimCall[] the caller's is the first
---@field requests moonline.SimRequest[] as the web application got them
---@field heard table<string, moonline.Ear[]> by party
---@field names moonline.SimNames
local Result = {}
Result.__index = Result
Result.__name = "moonline.SimResult"

local result = {}

-- The calls with the status each came to: of those that were dialled, DialCallStatus.
local function calls(stage)
  local list, known = {}, {}
  local function call(sid, party)
    if sid and not known[sid] then
      known[sid] = { sid = sid, party = party or "?" }
      list[#list + 1] = known[sid]
    end
    return known[sid] or {}
  end
  for _, event in ipairs(stage.events) do
    if event.kind == "call" then
      call(event.call, event.call == stage.first and "caller" or stage.names[event.call])
    elseif event.kind == "dialled" then
      local child = call(event.child, stage.names[event.child])
      child.status, child.code = event.status, event.code
    elseif event.kind == "call-ended" and known[event.call] then
      known[event.call].status = known[event.call].status or event.status
    end
  end
  return list
end

-- Callbacks wait for the disk, which takes no virtual time: they come last of what happens at once.
local function in_order(events)
  local list, waiting, now = {}, {}, nil
  local function release()
    table.move(waiting, 1, #waiting, #list + 1, list)
    waiting = {}
  end
  for _, event in ipairs(events) do
    if event.time ~= now then release() end
    now = event.time
    local into = event.is_callback and waiting or list
    into[#into + 1] = event
  end
  release()
  for place, event in ipairs(list) do event.place = place end
  return list
end

local function unique(list)
  local seen, found = {}, {}
  for _, name in ipairs(list) do
    if not seen[name] then found[#found + 1] = name end
    seen[name] = true
  end
  return found
end

---@param stage moonline.SimStage
---@param problem string?
---@param trouble string?
---@return moonline.SimResult
function result.of(stage, problem, trouble)
  for _, list in pairs(stage.heard) do
    for _, ear in ipairs(list) do ear:close() end
  end
  local events = in_order(stage.events)
  for i, request in ipairs(stage.requests) do
    request.place = (request.after and request.after.place or 0) + i / (#stage.requests + 1)
    request.after = nil
  end
  return setmetatable({
    events = events, failed = stage.failed, problem = problem, trouble = trouble,
    parties = unique(stage.order), calls = calls(stage), requests = stage.requests,
    heard = stage.heard, names = names.of(stage), env = stage.phones.env,
    servers = stage.server.addresses, caller_at = stage.caller.addresses[1],
  }, Result)
end

---The ladder, the same in each run.
---@return string
function Result:ladder()
  local drawing = ladder.new({ "caller", "moonline" }, { aside = true })
  for _, address in ipairs(self.servers) do drawing:party("moonline", address) end
  drawing:party("caller", self.caller_at)
  for _, name in ipairs(self.parties) do drawing:column(name) end
  for _, event in ipairs(self.events) do
    if event.kind == "webhook" then
      drawing:column "web app"
      break
    end
  end
  return self.names:stable(drawing:text(self.events))
end

---The events as they are in each run, times from the first on.
---@return table[]
function Result:stable_events()
  local events, start = {}, self.events[1] and self.events[1].time or 0
  for i, event in ipairs(self.events) do
    local copy = self.names:stable(event)
    copy.time = math.floor((event.time - start) * 1000 + 0.5) / 1000
    events[i] = copy
  end
  return events
end

---The log: one event a line, as JSON. The same seed gives the same bytes.
---@return string
function Result:log()
  local lines = {}
  for i, event in ipairs(self:stable_events()) do lines[i] = names.json(event, true) end
  return table.concat(lines, "\n") .. "\n"
end

---Seconds from the first event to the last.
---@return number
function Result:seconds()
  local first, last = self.events[1], self.events[#self.events]
  return first and last.time - first.time or 0
end

---Lets go of the stage it was played on, when that is nobody else's.
---@param stage moonline.SimStage?
function Result:keep(stage)
  self.stage = stage
end

---Closes what it was played on, and removes what it kept.
function Result:close()
  if self.stage then self.stage:close() end
  for _, list in pairs(self.heard) do
    for _, ear in ipairs(list) do os.remove(ear.path) end
  end
  self.stage, self.heard = nil, {}
end

Result.__close = Result.close

return result

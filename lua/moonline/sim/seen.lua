-- What a scenario's `expect` gets: the language of expectations. Each of them raises when it is not met,
-- and gives what was found, for others to compare with.

local Party = require "moonline.sim.seen_party"
local Web = require "moonline.sim.seen_web"
local facts = require "moonline.sim.facts"
local failure = require "moonline.sim.failure"
local suggest = require "moonline.twiml.suggest"

local seen = {}

local NEAR <const> = 0.25 -- seconds that a length may be off

---@class moonline.Seen
---@field web moonline.SeenWeb
---@field caller moonline.SeenParty and so on, by the names of the phones
---@field events table[] all that happened, in time order
---@field calls { sid: string, party: string, status: string?, code: integer? }[]
---@field problem string? why the call was not taken
local Seen = {}
seen.Seen = Seen

-- A party by its name, or a method of Seen.
local function index(self, name)
  if Seen[name] then return Seen[name] end
  return self:party(name)
end

---A party whose name is no word of Lua: seen:party "+15550100".
---@param name string
---@return moonline.SeenParty
function Seen:party(name)
  local parties = rawget(self, "parties")
  if parties[name] then return parties[name] end
  local near = suggest.nearest(tostring(name), suggest.keys(parties))
  failure.raise(rawget(self, "file"), ("there is no party %s%s"):format(tostring(name),
    near and (" (did you mean %s?)"):format(near) or ""))
end

-- Statuses of all that was dialled.
local function dialled(self)
  local list = {}
  for _, event in ipairs(self.events) do
    if event.kind == "dialled" then list[#list + 1] = event end
  end
  return list
end

---A <Dial> came to this DialCallStatus.
---@param status string
---@param code integer? of SIP
function Seen:dialled(status, code)
  local all = {}
  for _, event in ipairs(dialled(self)) do
    if event.status == status and (not code or event.code == code) then return end
    all[#all + 1] = facts.status(event.status, event.code)
  end
  failure.raise(self.file, "dialled", facts.status(status, code),
    facts.joined(all, "nothing was dialled"))
end

local function expect_event(self, what, is_one, wanted, show)
  local all = {}
  for _, event in ipairs(self.events) do
    local text = show(event)
    if text and is_one(event) then return event end
    all[#all + 1] = text
  end
  failure.raise(self.file, what, wanted, facts.joined(all, "none"))
end

---A warning of that number was given: its text.
---@param code integer
---@return string
function Seen:warned(code)
  return expect_event(self, "warned", function(event) return event.code == code end, code,
    function(event)
      return event.kind == "warning" and ("%d %s"):format(event.code, event.text) or nil
    end).text
end

---Nothing was warned of.
function Seen:never_warned()
  for _, event in ipairs(self.events) do
    if event.kind == "warning" then
      failure.raise(self.file, "never warned", "no warning",
        ("%d %s"):format(event.code, event.text))
    end
  end
end

---A verb ran.
---@param name string "Gather"
function Seen:ran(name)
  expect_event(self, "ran", function(event) return event.name == name end, name, function(event)
    return event.kind == "verb" and event.name or nil
  end)
end

---The call lasted that long, from its first message to its last.
---@param seconds number
---@param tolerance number? 0.25
function Seen:lasted(seconds, tolerance)
  local found = self.result:seconds()
  if math.abs(found - seconds) <= (tolerance or NEAR) then return end
  failure.raise(self.file, "lasted", ("%g s"):format(seconds), ("%.3f s"):format(found))
end

---These were seen one after another.
---@param ... moonline.Fact
function Seen:in_order(...)
  local list = { ... }
  for i = 2, #list do
    local before, after = list[i - 1], list[i]
    local is_later = before.time > after.time
      or before.time == after.time and (before.place or 0) > (after.place or 0)
    if is_later then
      failure.raise(self.file, "in order",
        ("%s before %s"):format(before.title or "sound", after.title or "sound"),
        ("at %.3f s and %.3f s"):format(before.time, after.time))
    end
  end
end

---From one to the other no more than that.
---@param seconds number
---@param from moonline.Fact
---@param to moonline.Fact
function Seen:within(seconds, from, to)
  local between = to.time - from.time
  if between >= 0 and between <= seconds then return end
  failure.raise(self.file, "within",
    ("%s at most %g s after %s"):format(to.title or "sound", seconds, from.title or "sound"),
    ("%.3f s"):format(between))
end

-- The messages of each party, as it got and sent them.
local function parties_of(one, result, start)
  local parties = {}
  local function party(name)
    parties[name] = parties[name] or setmetatable({ name = name, file = one.file, result = result,
      start = start, phones = one.phones, received = {}, sends = {} }, Party)
    return parties[name]
  end
  party "caller"
  for name in pairs(one.phones) do party(name) end
  for _, name in ipairs(result.parties) do party(name) end
  for _, event in ipairs(result.events) do
    if event.kind == "message" and event.party then
      local into = event.sent and party(event.party).received or party(event.party).sends
      into[#into + 1] = facts.message(event, start)
    end
  end
  return parties
end

---What a scenario's expectations are about.
---@param one moonline.Scenario
---@param result moonline.SimResult
---@return moonline.Seen
function seen.of(one, result)
  local start = result.events[1] and result.events[1].time or 0
  local requests = {}
  for i, request in ipairs(result.requests) do requests[i] = facts.request(request, start) end
  return setmetatable({
    file = one.file, result = result, events = result.events, calls = result.calls,
    problem = result.problem or false, parties = parties_of(one, result, start),
    web = setmetatable({ name = "the web application", file = one.file, requests = requests }, Web),
  }, { __index = index })
end

return seen

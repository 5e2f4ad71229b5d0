-- Audio where none may be: after the BYE of a leg, and to a caller who should hear nothing. Counts
-- datagrams; the phones of the scenario are silent for the second.

local task = require "moonline.task"

---@class moonline.SimAudio
---@field problems string[]
local Audio = {}
Audio.__index = Audio
Audio.__name = "moonline.SimAudio"

local audio = {}

local SLACK = 0.1 -- seconds that what is under way may take

-- Counts from a moment on, once what was under way is through.
local function sample(self, port)
  local one = { port = port }
  self.group:spawn(function()
    task.sleep(SLACK)
    one.count = self.count(port)
  end)
  return one
end

local function more(self, one)
  return one and one.count and self.count(one.port) > one.count
end

---A message went over the wire. delivered: it was sent on.
---@param entry moonline.SimTrace
---@param delivered boolean
function Audio:message(entry, delivered)
  local party, outward, what = entry.label:match("^([^<>]+)([<>])(.-)#?%d*$")
  local port = outward == ">" and entry.text:match("\nm=audio (%d+)")
  if port then self.ports[party] = math.tointeger(tonumber(port)) end
  if what == "INVITE" then self.after[party] = nil end -- a repetition so late that it is a call
  if entry.text:find "\n[Tt]o%s*:[^\r\n]*%-fork" then return end -- that ends the other phone
  if what ~= "BYE" or not self.ports[party] or self.after[party] then return end
  if outward == "<" or delivered then self.after[party] = sample(self, self.ports[party]) end
end

local BEGINS = { bridged = true, dialled = true }
local GOES_ON = { verb = true, play = true, sound = true, ["call-ended"] = true, dialled = true }

---Something happened in the call.
---@param event table
---@param caller string? sid of the caller's call
function Audio:event(event, caller)
  if not self.silent or event.call ~= caller then return end
  if GOES_ON[event.kind] then
    if more(self, self.quiet) then
      self:blame(("audio to the caller between %s and %s"):format(self.since, event.kind))
    end
    self.quiet = nil
  end
  if BEGINS[event.kind] and self.ports.caller then
    self.quiet, self.since = sample(self, self.ports.caller), event.kind
  end
end

function Audio:blame(text)
  self.problems[#self.problems + 1] = text
end

---The end of the schedule.
---@return string[] problems
function Audio:finish()
  for party, one in pairs(self.after) do
    if more(self, one) then self:blame("audio to " .. party .. " after the BYE") end
  end
  self.group:close()
  table.sort(self.problems)
  return self.problems
end

---@param count fun(port: integer): integer
---@param silent boolean nobody says anything or presses a key
---@return moonline.SimAudio
function audio.new(count, silent)
  return setmetatable({ count = count, silent = silent, ports = {}, after = {}, problems = {},
    group = task.group() }, Audio)
end

return audio

-- Expectations on lists of messages and requests: one is there, or none.

local facts = require "moonline.sim.facts"
local failure = require "moonline.sim.failure"

local expect = {}

local WHEN = { at = true, before = true, after = true, times = true }

-- ---- common to parties and the web application ------------------------------------------------

local function check_when(self, when)
  for key in pairs(when or {}) do
    if not WHEN[key] then
      failure.raise(self.file, ("there is no option %s (at, before, after, times)"):format(key))
    end
  end
  return when or {}
end

---One of a list is as it is asked for: the first such.
---@param self { name: string, file: string }
---@param verb string "got"
---@param title string "INVITE"
---@param list moonline.Fact[]
---@param is_one fun(fact: moonline.Fact): boolean
---@param fields table?
---@param when table?
---@return moonline.Fact
function expect.one(self, verb, title, list, is_one, fields, when)
  when = check_when(self, when)
  local found, instead = facts.find(list, is_one, fields, when)
  if when.times and #found ~= when.times or not when.times and #found == 0 then
    failure.raise(self.file, ("%s %s"):format(self.name, verb),
      facts.describe(title, fields, when),
      when.times and #found > 0 and ("%d times"):format(#found) or instead)
  end
  return found[1]
end

---None of a list is.
function expect.none(self, verb, title, list, is_one, fields)
  local found = facts.find(list, is_one, fields, {})
  if #found == 0 then return end
  failure.raise(self.file, ("%s never %s"):format(self.name, verb),
    "no " .. facts.describe(title, fields, {}), ("at %.3f s"):format(found[1].time))
end

return expect

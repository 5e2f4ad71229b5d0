-- A schedule: what is done to the messages of a call, and what happens in between. A list of steps:
--   { drop = "caller>ACK" }                          lost; all = true: each time
--   { delay = "kate>200 INVITE", by = 0.5 }          later by seconds
--   { delay = "kate>200 INVITE", past = "kate<CANCEL" }   not before that one was sent
--   { twice = "kate>200 INVITE", by = 0.5 }          comes again after seconds
--   { fork = "kate>200 INVITE" }                     of another phone, too: another tag in To
--   { cut = "kate>200 INVITE" }                      nothing from or to that party from then on
--   { at = "kate>180 INVITE", after = 0.5, act = "caller hangs up" }   see acts.lua
-- A request of the web application ("app>/after") can be delayed (its answer is) and dropped (it is
-- answered 500).

local acts = require "moonline.sim.explore.acts"
local suggest = require "moonline.twiml.suggest"

local schedule = {}

---@class moonline.SimStep
---@field drop string?
---@field delay string?
---@field twice string?
---@field fork string?
---@field cut string?
---@field at string?
---@field act string?
---@field by number? seconds
---@field past string? label
---@field after number? seconds
---@field all boolean?

local KINDS = { "drop", "delay", "twice", "fork", "cut", "at" }
local FIELDS = {
  drop = "string", delay = "string", twice = "string", fork = "string", cut = "string",
  at = "string", act = "string", by = "number", past = "string", after = "number",
  all = "boolean",
}

---What a step is about: its kind and its label.
---@param step moonline.SimStep
---@return string? kind, string? label
function schedule.subject(step)
  for _, kind in ipairs(KINDS) do
    if step[kind] then return kind, step[kind] end
  end
end

local function check_step(step)
  if type(step) ~= "table" then return "a step is a table" end
  for field, value in pairs(step) do
    if not FIELDS[field] then
      local near = suggest.nearest(tostring(field), suggest.keys(FIELDS))
      return ("a step has no %s%s"):format(tostring(field),
        near and (" (did you mean %s?)"):format(near) or "")
    end
    if type(value) ~= FIELDS[field] then return ("%s is a %s"):format(field, FIELDS[field]) end
  end
  local kind, label = schedule.subject(step)
  if not kind then return "a step has one of " .. table.concat(KINDS, ", ") end
  if not label:find("^[^<>]+[<>].") then
    return ("%q: a label such as \"kate>200 INVITE\" is expected"):format(label)
  end
  if kind == "delay" and not (step.by or step.past) then return "delay: by or past is expected" end
  if kind == "at" then return acts.check(step.act) end
end

---nil, or what is wrong with it.
---@param list any
---@return string? problem
function schedule.check(list)
  if type(list) ~= "table" then return "schedule: a list of steps is expected" end
  for i, step in ipairs(list) do
    local problem = check_step(step)
    if problem then return ("schedule, step %d: %s"):format(i, problem) end
  end
end

local function literal(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local ORDER = { "drop", "delay", "twice", "fork", "cut", "at", "past", "by", "after", "act", "all" }

---One line of Lua.
---@param step moonline.SimStep
---@return string
function schedule.step_text(step)
  local parts = {}
  for _, name in ipairs(ORDER) do
    if step[name] ~= nil then parts[#parts + 1] = ("%s = %s"):format(name, literal(step[name])) end
  end
  return ("{ %s }"):format(table.concat(parts, ", "))
end

---Lua text of a schedule: one step a line.
---@param list moonline.SimStep[]
---@param indent string?
---@return string
function schedule.text(list, indent)
  local lines = {}
  for i, step in ipairs(list) do lines[i] = (indent or "") .. schedule.step_text(step) .. ",\n" end
  return table.concat(lines)
end

return schedule

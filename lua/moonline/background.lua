-- What a script begins outside a call: tasks, timers, web servers, agents. It lasts until its
-- generation is superseded; what calls begin is theirs.

local task = require "moonline.core.task"

local background = {}

local owned = setmetatable({}, { __mode = "k" })

---Notes a task or something to close, when it is begun by a script's chunk or by what that began.
---@generic T
---@param thing T
---@return T
function background.keep(thing, ...)
  local here = task.current()
  if thing and (not here or owned[here]) then owned[thing] = true end
  return thing, ...
end

---Notes a task, whoever begins it: with what it begins it is the background's.
---@param one moonline.Task
---@return moonline.Task
function background.own(one)
  owned[one] = true
  return one
end

---Ends all of it.
function background.close()
  local all = {}
  for thing in pairs(owned) do all[#all + 1] = thing end
  for _, thing in ipairs(all) do
    if thing.cancel then thing:cancel "the policy was loaded again" else thing:close() end
  end
end

return background

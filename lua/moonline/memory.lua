-- Is there memory for another call?

local log = require "moonline.log"
local task = require "moonline.task"

local memory = {}

local FULL = 0.8 -- of limits.memory_mb
local COLLECT = 1 -- seconds between two collections of all heaps

---More than 80 % of limits.memory_mb in the heaps of Lua, also after a collection?
---@param self moonline.Server
---@return boolean
function memory.is_full(self)
  local limit = self.env.config.limits.memory_mb * 1024 * 1024 * FULL
  local function used()
    local bytes = collectgarbage "count" * 1024
    for _, one in pairs(self.generations) do bytes = bytes + one:memory() end
    return bytes
  end
  if used() < limit then return false end
  if task.clock() >= (self.collected_at or 0) + COLLECT then
    self.collected_at = task.clock()
    for _, one in pairs(self.generations) do one:collect() end
    collectgarbage()
    if used() < limit then return false end
    log.warning("calls are refused: Lua holds %d MB (limits.memory_mb)", used() // (1024 * 1024))
  end
  return true
end

return memory

-- What must not be cut off when the server ends: calls and callbacks under way. Tells when there is
-- some (true) and when none is left (false).

---@class moonline.Work
---@field count integer
local Work = {}
Work.__index = Work
Work.__name = "moonline.Work"

local work = {}

local function leave(held)
  local self = held.work
  if not self then return end
  held.work = nil
  self.count = self.count - 1
  if self.count == 0 then self.tell(false) end
end

---One piece of work: `local _ <close> = env.work:hold()`.
---@return table held with __close
function Work:hold()
  self.count = self.count + 1
  if self.count == 1 then self.tell(true) end
  return setmetatable({ work = self }, { __close = leave })
end

---@param tell fun(busy: boolean)
---@return moonline.Work
function work.new(tell)
  return setmetatable({ count = 0, tell = tell }, Work)
end

return work

-- Tasks with structure: a group's tasks end with the block that made it.

local core = require "moonline.core.task"

local task = {}

---@class moonline.Group
---@field box moonline.Mailbox gets a "task" event for each task that ends
local Group = {}

local group = { __index = Group, __name = "moonline.Group" }

---Starts fn(...) as a task of the group.
---@param fn function
---@return moonline.Task
function Group:spawn(fn, ...)
  if self.closed then error("group: closed", 2) end
  local one = core.spawn(fn, ...)
  self.spawned = self.spawned + 1
  self.tasks[one] = self.spawned
  self.count = self.count + 1
  one:watch(self.box)
  return one
end

---A "task" event of a task of this group was taken from its mailbox: gives it back. An error in the
---task is raised here.
---@param event moonline.Event
---@return moonline.Event
function Group:took(event)
  self.tasks[event.task] = nil
  self.count = self.count - 1
  if not event.ok and not event.unwound then error(event.error, 0) end
  return event
end

-- The next task to end, as its event, and which one it was.
function Group:next(timeout)
  local event, why = self.box:wait("task", timeout)
  if not event then return nil, why end
  local number = self.tasks[event.task]
  return self:took(event), number
end

---Waits until one task gives a true value, and cancels the others: that task's results. What a loser
---gave back and can be closed (a leg, say) is closed with the group.
---@param timeout number? seconds
---@return any ... nil, "none" when all ended without one; nil, "timeout" when time ran out
function Group:first(timeout)
  local limit = core.clock() + (timeout or math.huge)
  while self.count > 0 do
    local event, why = self:next(timeout and math.max(0, limit - core.clock()))
    if not event then
      self:cancel(why)
      return nil, why
    end
    if event.ok and event.values[1] then
      self:cancel()
      return table.unpack(event.values, 1, event.values.n)
    end
  end
  return nil, "none"
end

---Waits until all have ended.
---@return any[] results what each gave back (its first value), in the order of spawn
function Group:wait()
  local results = {}
  while self.count > 0 do
    local event, number = self:next()
    results[number] = event.ok and event.values[1] or nil
  end
  return results
end

---Cancels what still runs, without waiting for it.
---@param reason string?
function Group:cancel(reason)
  for one in pairs(self.tasks) do one:cancel(reason) end
end

-- A result that nobody took any more.
local function discard(event)
  for i = 1, event.ok and event.values.n or 0 do
    local meta = getmetatable(event.values[i])
    local close = type(meta) == "table" and meta.__close
    if close then close(event.values[i]) end
  end
end

---Cancels what still runs and waits until it is gone. What its tasks gave back and nobody took is
---closed. Closing twice is fine.
function Group:close()
  if self.closed then return end
  self.closed = true
  self:cancel("the group was left")
  while self.count > 0 do
    local event = self.box:wait "task"
    self.tasks[event.task] = nil
    self.count = self.count - 1
    discard(event)
  end
end

group.__close = Group.close

---A group of tasks: `local g <close> = task.group()`.
---@param box moonline.Mailbox? gets the "task" events; one of its own by default
---@return moonline.Group
function task.group(box)
  return setmetatable({ tasks = {}, count = 0, spawned = 0, box = box or core.mailbox(),
    closed = false }, group)
end

---`local _ <close> = task.closing(fn)`: fn is called when the block is left, by whatever way.
---@param fn fun()
function task.closing(fn)
  return setmetatable({}, { __close = function() fn() end })
end

---Starts fn(...) after some seconds, in a task of its own: that task, to be cancelled.
---@param seconds number
---@param fn function
---@return moonline.Task
function task.after(seconds, fn, ...)
  return core.spawn(function(...)
    core.sleep(seconds)
    fn(...)
  end, ...)
end

for name, fn in pairs(core) do task[name] = fn end

return task

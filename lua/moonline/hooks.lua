-- Named hooks: handlers by priority, the first that returns something ends the chain.

local guard = require "moonline.core.guard"
local log = require "moonline.log"

---@class moonline.Hooks
local Hooks = {}
Hooks.__index = Hooks
Hooks.__name = "moonline.Hooks"

local hooks = {}

---Adds a handler. Higher priority goes first; of equals, the one added first.
---@param name string
---@param fn function
---@param priority number? 0
---@return fun() remove takes the handler out again; calling it twice is fine
function Hooks:add(name, fn, priority)
  if type(name) ~= "string" then error("hook: name must be a string", 2) end
  if type(fn) ~= "function" then error("hook: handler must be a function", 2) end
  local entry = { fn = fn, priority = priority or 0 }
  local old, list = self.lists[name] or {}, {}
  local placed = false
  for _, other in ipairs(old) do
    if not placed and other.priority < entry.priority then
      list[#list + 1], placed = entry, true
    end
    list[#list + 1] = other
  end
  if not placed then list[#list + 1] = entry end
  self.lists[name] = list -- a new list: one that is being fired stays as it is
  return function() self:remove(name, entry) end
end

function Hooks:remove(name, entry)
  local list = {}
  for _, other in ipairs(self.lists[name] or {}) do
    if other ~= entry then list[#list + 1] = other end
  end
  self.lists[name] = #list > 0 and list or nil
end

---Calls the handlers of `name`; what the first one returns that returns anything. A handler that
---fails is logged and passed over.
---@param name string
---@return any ...
function Hooks:fire(name, ...)
  for _, entry in ipairs(self.lists[name] or {}) do
    local result = table.pack(guard.run(entry.fn, ...))
    if not result[1] then
      log.error("hook %s: %s", name, tostring(result[2]))
    elseif result[2] ~= nil then
      return table.unpack(result, 2, result.n)
    end
  end
  return nil
end

---@return moonline.Hooks
function hooks.new()
  return setmetatable({ lists = {} }, Hooks)
end

return hooks

-- Call scripts: Lua files whose moonline.on("call", fn) says what happens with a call.

local guard = require "moonline.core.guard"
local sandbox = require "moonline.sandbox"

local scripts = {}

---@class moonline.Script
---@field path string
---@field call fun(call: moonline.Leg)?

local loading -- the script whose chunk runs now

---Called by moonline.on.
---@param event string
---@param fn function
---@return boolean handled false: no script is being loaded
function scripts.on(event, fn)
  if not loading then return false end
  loading[event] = fn
  return true
end

---Runs the file's chunk. Raises "file:line: message" for one that is broken or takes no calls.
---@param path string
---@return moonline.Script
function scripts.load(path)
  local chunk, problem = sandbox.chunk(path)
  if not chunk then error(problem, 0) end
  local script = { path = path }
  loading = script
  local ok, why = guard.load(chunk)
  loading = nil
  if not ok then error(why, 0) end
  if not script.call then
    error(path .. ':1: takes no calls: moonline.on("call", function(call) ... end) is missing', 0)
  end
  return script
end

return scripts

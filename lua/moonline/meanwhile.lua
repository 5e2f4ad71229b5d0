-- Waits for what is not on a leg (a request, speech) without losing sight of the leg.

local guard = require "moonline.core.guard"
local task = require "moonline.task"

local function run(leg, work, fn, ...)
  work.results = table.pack(guard.root(fn, ...))
  if work.abandoned then return end
  leg.box:post { kind = "worked", work = work }
end

---Runs fn in a task of its own and gives back its results. When the leg ends (or is redirected) first,
---that is raised here at once, and fn goes on by itself: a request that an application has begun to
---answer is not cut. For a leg that is over, fn is simply called.
---@param leg moonline.Leg
---@param fn function
---@return any ...
return function(leg, fn, ...)
  if leg.ended then return fn(...) end
  local work = {}
  local _ <close> = task.closing(function() work.abandoned = true end)
  task.spawn(run, leg, work, fn, ...):name("beside " .. leg.sid)
  leg:wait "worked"
  local results = work.results
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

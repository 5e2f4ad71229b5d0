-- moonline -i: reads Lua line by line and runs it, each chunk in a task of its own. What else is
-- alive (agents, servers, other tasks) goes on between the lines.

local chunks = require "moonline.chunks"
local task = require "moonline.core.task"

local repl = {}

local function print_values(values)
  local list = {}
  for i = 1, values.n do list[i] = tostring(values[i]) end
  if values.n > 0 then io.stdout:write(table.concat(list, "\t"), "\n") end
end

-- Runs a chunk to its end, whatever it waits for.
local function run(chunk, box)
  local one = task.spawn(chunk)
  one:watch(box)
  local event = box:wait "task"
  if event.ok then return print_values(event.values) end
  if not event.unwound then io.stderr:write(tostring(event.error), "\n") end
end

---Until the input ends.
---@return integer exit code
function repl.run()
  _G.moonline = require "moonline"
  local box = task.mailbox()
  local typed <close> = chunks.open { prompts = true }
  for text in typed.next, typed do
    local chunk, problem = chunks.compile(text, "=stdin")
    if chunk then run(chunk, box) else io.stderr:write(problem, "\n") end
  end
  return 0
end

return repl

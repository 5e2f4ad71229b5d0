-- moonline -i: reads Lua line by line and runs it, each chunk in a task of its own. What else is
-- alive (agents, servers, other tasks) goes on between the lines.

local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local repl = {}

local FIRST, MORE = "> ", ">> "

local function prompt(text)
  io.stdout:write(text)
  io.stdout:flush()
end

-- An expression, or a statement; nil and whether more lines would help.
local function compile(text)
  local chunk = load("return " .. text, "=stdin", "t")
  if chunk then return chunk end
  local problem
  chunk, problem = load(text, "=stdin", "t")
  if chunk then return chunk end
  return nil, problem:match("<eof>$") ~= nil, problem
end

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
  local box = task.mailbox(65536)
  local _ <close> = sys.lines(box)
  local text = ""
  prompt(FIRST)
  while true do
    local event = box:wait { "line", "end" }
    if event.kind == "end" then break end
    text = text == "" and event.text or text .. "\n" .. event.text
    local chunk, is_open, problem = compile(text)
    if chunk then
      run(chunk, box)
    elseif not is_open then
      io.stderr:write(problem, "\n")
    end
    if not is_open then text = "" end
    prompt(text == "" and FIRST or MORE)
  end
  io.stdout:write("\n")
  return 0
end

return repl

-- Lua that is typed on another machine and runs in this generation: under the limits of scripts, in a
-- sandbox as theirs, with the live calls at hand. Sessions keep their globals until policy is loaded
-- again, or nobody has used them for a while.

local background = require "moonline.background"
local chunks = require "moonline.chunks"
local guard = require "moonline.core.guard"
local inspect = require "moonline.inspect"
local plain = require "moonline.plain"
local sandbox = require "moonline.sandbox"
local task = require "moonline.task"

---@class moonline.ConsoleAnswer
---@field ok boolean
---@field values any[]? what the chunk gave, as far as it is plain
---@field shown string? the same to be read
---@field output string what it printed
---@field error string?
---@field new boolean? the session has begun with it

local console = {}

local PATIENCE = 30 -- seconds that a chunk may wait
local FAREWELL = 6 -- seconds that one which was stopped may still take
local SESSIONS, IDLE = 16, 600 -- how many, and seconds until an unused one is given up
local PRINTED = 65536 -- bytes that a chunk may print
local DEPTH = 8 -- of tables in values

local HELP = [[
moonline       the API of scripts: moonline.call, moonline.http, moonline.twiml, ...
calls()        the live calls
show(sid)      one call, live or over
hangup(sid)    ends it
_              the value before
Globals last as long as the session; `local` ends with its line.]]

local sessions = {}

local function prune()
  local oldest, count = nil, 0
  for name, one in pairs(sessions) do
    if task.clock() - one.used > IDLE then
      sessions[name] = nil
    else
      count = count + 1
      if not oldest or one.used < sessions[oldest].used then oldest = name end
    end
  end
  if count >= SESSIONS then sessions[oldest] = nil end
end

-- ---- what can be reached ----------------------------------------------------------------------

local function printer(session)
  return function(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    local line = table.concat(words, "\t") .. "\n"
    if session.printed + #line > PRINTED then error("print: more than 64 KiB", 2) end
    session.printed = session.printed + #line
    table.insert(session.output, line)
  end
end

local function globals(env, session)
  local G = sandbox.environment(env.config.store.path)
  G.moonline, G.print = G.require "moonline", printer(session)

  function G.help() G.print(HELP) end

  function G.calls()
    local list = {}
    for _, sid in ipairs(env.calls:list()) do list[#list + 1] = env.store:get("call", sid) end
    return list
  end

  function G.show(sid)
    return env.store:get("call", sid)
  end

  function G.hangup(sid)
    if env.calls:tell(sid, { kind = "redirect", hangup = true }) then return true end
    return nil, "no such call is live"
  end

  return G
end

local function session_of(env, name)
  local session = sessions[name]
  if not session then
    prune()
    session = {}
    session.globals = globals(env, session)
    sessions[name] = session
  end
  session.new, session.used = session.used == nil, task.clock()
  session.output, session.printed = {}, 0
  return session
end

-- ---- a chunk ----------------------------------------------------------------------------------

-- What it gave, in the two forms in which it leaves; made under the same limits.
local function present(session, ...)
  local values = table.pack(...)
  local plain_values, shown = setmetatable({}, { __jsontype = "array" }), {}
  for i = 1, values.n do
    plain_values[i] = plain(values[i], DEPTH, tostring)
    if plain_values[i] == nil then plain_values[i] = require("dkjson").null end
    shown[i] = inspect(values[i])
  end
  if values.n > 0 then session.globals._ = values[1] end
  return { ok = true, values = plain_values, shown = table.concat(shown, "\t") }
end

local function run(session, chunk)
  local fine, result = guard.root(function() return present(session, chunk()) end)
  if fine then return result end
  local text = tostring(result)
  return { ok = false, error = text:match("^(.-)\nstack traceback:") or text }
end

-- The task of a chunk is over: its answer.
local function outcome(event)
  if event.ok then return event.values[1] end
  return { ok = false, error = event.unwound and "stopped: the call it was about is over, or it "
    .. "took longer than " .. PATIENCE .. " s" or tostring(event.error) }
end

---Runs a text.
---@param env moonline.Env
---@param name string of the session
---@param text string
---@return moonline.ConsoleAnswer
function console.run(env, name, text)
  local session = session_of(env, name)
  local answer
  local fine, chunk, problem = guard.root(chunks.compile, text, "=console", session.globals)
  if not fine or not chunk then
    answer = { ok = false, error = tostring(problem or chunk):match "^[^\n]*" }
  else
    local box = task.mailbox()
    local one = background.own(task.spawn(run, session, chunk))
    one:watch(box)
    local event = box:wait("task", PATIENCE)
    if not event then
      one:cancel "the console does not wait any longer"
      event = box:wait("task", FAREWELL) or { unwound = true }
    end
    answer = outcome(event)
  end
  answer.output, answer.new = table.concat(session.output), session.new
  return answer
end

return console

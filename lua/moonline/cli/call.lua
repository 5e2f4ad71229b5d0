-- moonline call: has a running server place a call, and shows how it goes.

local json = require "dkjson"
local lfs = require "lfs"
local progress = require "moonline.progress"
local remote = require "moonline.remote"
local task = require "moonline.task"

local call = { summary = "Place a call from a running server" }

local STEP = 0.2 -- seconds between two looks at a call whose events do not come any more

local OVER = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }

function call.define(parser)
  parser:argument("to", "Whom to call, such as sip:kate@example.com."):argname("TO")
  parser:option("--from", "The caller: a name or number."):argname("NAME"):default("moonline")
  parser:mutex(
    parser:option("--twiml", "Document that the call runs: a file or a URL."):argname("FILE|URL"),
    parser:option("--script", "Lua script that the call runs."):argname("FILE"))
  parser:option("--timeout", "Seconds it rings."):argname("SECONDS")
  parser:flag("--no-wait", "Do not wait for its end.")
  remote.define(parser)
end

local function absolute(path)
  return path:match("^/") and path or lfs.currentdir() .. "/" .. path
end

local function order(options)
  local form = { To = options.to, From = options.from, Timeout = options.timeout }
  if options.script then
    form.Script = absolute(options.script)
  elseif options.twiml and options.twiml:match("^https?://") then
    form.Url = options.twiml
  elseif options.twiml then
    local file <close>, why = io.open(options.twiml, "r")
    if not file then error({ exit = 1, text = why }, 0) end
    form.Twiml = file:read("a")
  else
    error({ exit = 2, text = "what shall it do? --twiml or --script is expected" }, 0)
  end
  return form
end

-- Tells its events until it is over.
local function follow(events, sid, tell)
  for event in events.next, events do
    if event.call == sid and event.kind == "call-ended" then return end
    if event.call == sid or event.parent == sid then tell(event) end
  end
end

-- How it ended. Waits for that, should the events have ceased before.
local function ending(server, sid)
  while true do
    local now = server:request("GET", "/Calls/" .. sid .. ".json")
    if OVER[now.status] then return now end
    task.sleep(STEP)
  end
end

function call.run(options, out)
  return remote.run(options, out, function(server)
    local form = order(options)
    local events <close> = server:events()
    local placed = server:request("POST", "/Calls.json", form)
    local function tell(one)
      out.line(options.json and json.encode(one) or ("%s  %s"):format(one.sid, one.status))
    end
    tell(placed)
    if options.no_wait then return 0 end
    local view = progress.new(placed.sid)
    follow(events, placed.sid, function(event)
      local line = options.json and json.encode(event) or view:line(event)
      if line then out.line(line) end
    end)
    local over = ending(server, placed.sid)
    tell(over)
    return over.status == "completed" and 0 or 1
  end)
end

return call

-- What records and the outbox cost the control thread, how long a callback waits for the disk, and what
-- finished calls leave in memory. The disk is that of the system's temporary folder; no HTTP is done.
--   moonline spec/bench/outbox.lua [CALLS]
local core_store = require "moonline.core.store"
local callback = require "moonline.webhook.callback"
local crypto = require "moonline.core.crypto"
local lfs = require "lfs"
local record = require "moonline.record"
local sys = require "moonline.core.sys"
local task = require "moonline.task"
local url = require "moonline.webhook.url"
local work = require "moonline.work"

local CALLS = tonumber(arg[1]) or 3000
local AT_ONCE, PAUSE = 10, 0.005 -- calls in one turn of the loop, seconds between two such turns
local EVENTS = { "initiated", "ringing", "in-progress", "completed" }

local folder = os.tmpname()
os.remove(folder)
assert(sys.mkdir(folder))
local pid = io.open("/proc/self/stat"):read("n")
local records = assert(core_store.open { path = folder .. "/records.sqlite" })
local env = { records = records, notify = function() end, work = work.new(function() end) }

-- CPU microseconds of this thread, the loop's.
local function cpu()
  local file <close> = assert(io.open(("/proc/%d/task/%d/schedstat"):format(pid, pid)))
  return file:read("n") / 1e3
end

local function resident()
  collectgarbage()
  local file <close> = assert(io.open "/proc/self/smaps_rollup")
  return tonumber(file:read("a"):match("Rss:%s*(%d+)"))
end

local function row(name, format, ...)
  print(("%-46s %s"):format(name, format:format(...)))
end

local Leg = {}
Leg.__index = Leg
function Leg:status() return self.state end

-- A call as the policy tells of it: each change, and its end.
local function run_records(number)
  local sid = "CA" .. crypto.random_hex(16)
  local leg = setmetatable({ sid = sid, env = env, state = "ringing" }, Leg)
  record.state(leg, { status = "ringing", direction = "inbound", start = task.time(),
    from = "sip:a" .. number .. "@127.0.0.1", to = "sip:line@127.0.0.1" })
  leg.answered_at = task.clock()
  record.state(leg, { status = "in-progress" })
  record.ended(leg, { status = "completed", duration = 3, code = 200 })
end

local function parameters(sid, event, number)
  return {
    { "CallSid", sid }, { "AccountSid", "AC00000000000000000000000000000001" },
    { "From", "sip:alice@127.0.0.1" }, { "To", "sip:kate@127.0.0.1" },
    { "Caller", "sip:alice@127.0.0.1" }, { "Called", "sip:kate@127.0.0.1" },
    { "CallStatus", event },
    { "ApiVersion", "2010-04-01" }, { "Direction", "outbound-dial" },
    { "ParentCallSid", "CA0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e" },
    { "Timestamp", "Thu, 01 Jan 2026 00:00:00 +0000" },
    { "CallbackSource", "call-progress-events" },
    { "SequenceNumber", number },
  }
end

local pushed, delays = {}, {}

-- In place of HTTP: the application is told, and says 204.
local function fetch(_, hook)
  local at = pushed[hook.call]
  if at then delays[#delays + 1] = (task.clock() - at) * 1000 end
  pushed[hook.call] = nil
  return { status = 204 }
end

local function hook_of(sid, number, event)
  return { url = "http://127.0.0.1:3000/cb", method = "POST",
    params = parameters(sid, event, number - 1), what = "status " .. event }
end

-- What the callbacks of a call cost also without an outbox: the form, a token, a task that sends.
local function run_parameters()
  local sid = "CA" .. crypto.random_hex(16)
  for number, event in ipairs(EVENTS) do
    local hook = hook_of(sid, number, event)
    hook.form, hook.token, hook.call = url.form(hook.params), crypto.random_hex(16), sid
    task.spawn(function()
      local _ <close> = env.work:hold()
      env.notify { kind = "webhook", what = hook.what, call = sid, url = url.public(hook.url),
        method = hook.method, params = hook.params }
      fetch(env, hook)
    end)
  end
end

local function run_callbacks()
  local sid = "CA" .. crypto.random_hex(16)
  for number, event in ipairs(EVENTS) do callback.push(env, sid, hook_of(sid, number, event)) end
  pushed[sid] = task.clock()
end

local function percentile(part)
  table.sort(delays)
  return delays[math.max(1, math.ceil(#delays * part))] or 0
end

-- Waits until all is on disk.
local function settle()
  while records:health().pending > 0 or records:health().queued > 0 do task.sleep(0.01) end
end

local function measure(fn)
  local before = cpu()
  for number = 1, CALLS do
    fn(number)
    if number % AT_ONCE == 0 then task.sleep(PAUSE) end
  end
  settle()
  return (cpu() - before) / CALLS
end

local function idle()
  local before = cpu()
  for _ = 1, CALLS // AT_ONCE do task.sleep(PAUSE) end
  return (cpu() - before) / CALLS
end

measure(run_records) -- warm
local nothing, memory = idle(), resident()
row("records of a call (begin, answer, end)", "%.1f us of the control thread",
  measure(run_records) - nothing)
row(("memory after %d more finished calls"):format(CALLS), "%+d KB; on disk %d KB in all",
  resident() - memory, lfs.attributes(folder .. "/records.sqlite", "size") // 1024)

callback.serve(env, fetch)
measure(run_callbacks) -- warm
delays = {}
local bare = measure(run_parameters)
row("outbox of a call with four callbacks", "%.1f us of the control thread (aim 20)",
  measure(run_callbacks) - bare)
row("push to the first try", "%.2f ms median, %.2f ms p99", percentile(0.5), percentile(0.99))
os.execute("rm -rf '" .. folder .. "'")
os.exit(0)

-- After a crash: what the records still take for alive gets its end, and whoever wanted to know of it
-- is told. Runs at the start, before there are calls.

local callback = require "moonline.webhook.callback"
local lfs = require "lfs"
local log = require "moonline.log"
local media = require "moonline.core.media"
local queue = require "moonline.room.queue"
local recording = require "moonline.recording"
local status = require "moonline.webhook.status"
local task = require "moonline.core.task"

local recovery = {}

local PAGE = 500
local HEADER = 44 -- bytes of a WAV file's

-- When the program was last known to live: the newest event of any call.
local function last_sign(env)
  local newest = env.store:list("event", { most = 1 })
  return newest and newest[1] and newest[1].time or 0
end

-- The callback and the final record: one transaction, as there is no waiting between them.
local function end_call(env, call, sign)
  local ended = math.max(call.answered or 0, call.changed or 0, sign)
  local duration = call.answered and math.floor(ended - call.answered) or 0
  if call.callback then
    local was = {
      sid = call.sid, from = call.from, to = call.to, direction = call.direction,
      parent_sid = call.parent, status = function() return "failed" end,
    }
    callback.push(env, call.sid, status.callback(was, env.config, "completed",
      { status = "failed", duration = duration },
      { url = call.callback, method = call.callback_method, sequence = call.sequence or 0 }))
  end
  env.store:put("call", {
    sid = call.sid, status = "failed", duration = duration, finish = ended, changed = task.time(),
  })
end

local function end_recording(env, one)
  local path = recording.path(env.config, one.sid)
  local seconds, why, _
  if lfs.attributes(path) then seconds, _, why = media.repair(path) else seconds = 0 end
  local word = not seconds and "failed" or seconds == 0 and "absent" or "completed"
  if why then log.error("recording %s is lost: %s", one.sid, why) end
  if one.callback then recording.tell(env, one, word, seconds or 0) end
  env.store:put("recording", { sid = one.sid, status = word, duration = seconds or 0,
    changed = task.time(), size = lfs.attributes(path, "size") or 0 })
end

-- Calls fn for all rows that meet a condition now.
local function each(env, kind, where, fn)
  local count, before = 0, nil
  repeat
    local rows, next_page, text = env.store:list(kind,
      { where = where, most = PAGE, oldest = true, before = before })
    if not rows then error(text, 0) end
    for _, row in ipairs(rows) do fn(row) end
    count, before = count + #rows, next_page
  until not before
  return count
end

-- Files that trimming had not finished, and those that were opened and have no header yet.
local function remove_parts(folder)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    local empty = name:match("^RE%x+%.wav$") and (lfs.attributes(path, "size") or HEADER) < HEADER
    if empty or name:match("^RE%x+%.wav%.part$") then os.remove(path) end
  end
end

local function end_conference(env, one, sign)
  env.store:put("conference", {
    sid = one.sid, status = "completed", finish = math.max(one.changed or 0, sign),
    changed = task.time(),
  })
end

-- Queues that the REST interface made are there again, empty.
local function restore_queue(env, one)
  queue.make(env.rooms, one.name, {
    sid = one.sid, limit = one.max, created = one.created, changed = one.changed,
  })
end

---Waits for the disk; call it in a task, once the store is open.
---@param env moonline.Env with config, records, rooms, store, public_url
---@return boolean? ok
---@return string? why
function recovery.run(env)
  local ok, problem = pcall(function()
    remove_parts(env.config.store.path .. "/recordings")
    local sign = last_sign(env)
    local calls = each(env, "call", { { "finish", "=", false } }, function(call)
      end_call(env, call, sign)
    end)
    local recordings = 0
    for _, word in ipairs { "in-progress", "paused" } do
      recordings = recordings + each(env, "recording", { { "status", "=", word } },
        function(one) end_recording(env, one) end)
    end
    each(env, "conference", { { "finish", "=", false } },
      function(one) end_conference(env, one, sign) end)
    each(env, "queue", nil, function(one) restore_queue(env, one) end)
    if calls + recordings > 0 then
      log.warning("the last run ended in the midst of %d calls and %d recordings: they have ended",
        calls, recordings)
    end
  end)
  if ok then return true end
  return nil, tostring(problem)
end

return recovery

-- What is written down of calls, recordings and warnings, and told of how calls stand: the one place
-- that does it. All of it returns at once; a store that cannot write is the store's trouble, never the
-- call's.

local codes = require "moonline.twiml.codes"
local crypto = require "moonline.core.crypto"
local task = require "moonline.core.task"

local record = {}

-- Whoever watches is told how the call stands, when that has changed.
local function tell(leg, status)
  if status == leg.told_status then return end
  leg.told_status = status
  leg.env.notify { kind = "status", call = leg.sid, status = status, parent = leg.parent_sid,
    from = leg.from, to = leg.to }
end

---A call began or changed; fields is what its record gets besides.
---@param leg moonline.Leg
---@param fields table
function record.state(leg, fields)
  local now = task.time()
  if leg.answered_at and not leg.was_answered then
    leg.was_answered, fields.answered = true, now
  end
  fields.sid, fields.changed = leg.sid, now
  leg.recorded = true
  leg.env.records:put("call", fields)
  tell(leg, fields.status)
end

---A call is over: its final record.
---@param leg moonline.Leg
---@param result { status: string?, duration: number?, code: integer? }?
function record.ended(leg, result)
  if not leg.recorded or leg.is_final then return end
  leg.is_final = true
  local now, status = task.time(), result and result.status or leg:status()
  leg.env.records:put("call", {
    sid = leg.sid, status = status, finish = now, changed = now,
    duration = math.floor(result and result.duration or leg:duration()),
    code = result and result.code or nil,
  })
  tell(leg, status)
end

---The application wants to know of the call's end, whatever dies before.
---@param leg moonline.Leg
---@param url string
---@param method string
function record.wants_end(leg, url, method)
  leg.recorded = true
  leg.env.records:put("call", {
    sid = leg.sid, callback = url, callback_method = method, sequence = 0,
  })
end

---That many callbacks were made for the call so far.
---@param leg moonline.Leg
---@param count integer
function record.told(leg, count)
  leg.env.records:put("call", { sid = leg.sid, sequence = count })
end

---A numbered warning or error of a call.
---@param env moonline.Env
---@param sid string of the call
---@param code integer
---@param text string
---@param request { url: string, method: string }? that it is about
function record.notification(env, sid, code, text, request)
  local known = codes[code]
  env.records:put("notification", {
    sid = "NO" .. crypto.random_hex(16), call = sid, time = task.time(), code = code,
    level = known and known.level == "error" and "0" or "1", text = text,
    url = request and request.url, method = request and request.method,
  })
end

---A recording began.
---@param recording moonline.Recording
---@param hook { url: string, method: string }? that wants to know of its end
function record.recording(recording, hook)
  local wanted = hook or {}
  recording.call.env.records:put("recording", {
    sid = recording.sid, source = recording.source,
    track = recording.track,
    call = not recording.room and recording.call.sid or nil,
    conference = recording.room and recording.call.sid or nil,
    channels = recording.dual and 2 or 1, status = "in-progress", start = recording.started,
    created = recording.started, changed = recording.started, callback = wanted.url,
    callback_method = wanted.method,
  })
end

---A conference began, changed, or is over.
---@param env moonline.Env
---@param fields { sid: string, name: string?, status: "init"|"in-progress"|"completed", reason: string?, ender: string? }
function record.conference(env, fields)
  local now = task.time()
  fields.changed = now
  if fields.status == "init" then fields.created = now end
  if fields.status == "completed" then fields.finish = now end
  env.records:put("conference", fields)
end

local HEADER, RATE, SAMPLE = 44, 8000, 2 -- of our WAV files

---A recording was paused, goes on, or is finished (duration in seconds is known then).
---@param recording moonline.Recording
---@param status "paused"|"in-progress"|"completed"|"absent"|"failed"
---@param duration number?
function record.recording_status(recording, status, duration)
  local channels = recording.dual and 2 or 1
  recording.call.env.records:put("recording", {
    sid = recording.sid, status = status, duration = duration, changed = task.time(),
    size = duration and HEADER + math.floor(duration * RATE) * SAMPLE * channels,
  })
end

return record

-- What goes into the trace of a call besides its SIP messages, which the agent puts there. An env
-- without traces (programs, phones) keeps none.

local house = require "moonline.core.house"

local trace = {}

local KB = 1024

-- Said of the same thing by another event.
local DOUBLE = { sound = true }

---The traces that a configuration asks for; nil: none.
---@param config table
---@return moonline.Traces?
function trace.new(config)
  local wanted = config.trace
  if wanted.calls == 0 then return nil end
  return house.traces { calls = wanted.calls, bytes = wanted.kb * KB }
end

---Where the events of a runtime go: into the traces, and to whoever watches. Of a request `form` is kept,
---its parameters as they are sent, instead of a list of 50 texts.
---@param env moonline.Env
---@param watcher fun(event: table)?
---@return fun(event: table, form: string?)
function trace.notifier(env, watcher)
  local traces = env.traces
  if not traces then return watcher or function() end end
  local tell = traces.tell
  return function(event, form)
    if not DOUBLE[event.kind] then tell(traces, event, form) end
    if watcher then watcher(event) end
  end
end

---A leg begins. Its messages are its own once its Call-ID is known: of one we place, when the INVITE is
---built.
---@param leg moonline.Leg
---@param info table of the core leg
function trace.open(leg, info)
  local traces = leg.env.traces
  if not traces then return end
  traces:open(leg.sid, leg.parent_sid)
  if info.incoming then traces:dialog(leg.sid, info.call_id) end
end

---@param leg moonline.Leg
---@param call_id string
function trace.dialog(leg, call_id)
  local traces = leg.env.traces
  if traces and call_id then traces:dialog(leg.sid, call_id) end
end

---A key came from the party.
---@param leg moonline.Leg
---@param digit string
function trace.digit(leg, digit)
  local traces = leg.env.traces
  if traces then traces:tell { kind = "key", call = leg.sid, digit = digit } end
end

---The leg is over: what became of its audio is told, once.
---@param leg moonline.Leg
function trace.ended(leg)
  local traces = leg.env.traces
  if not traces or leg.traced then return end
  leg.traced = true
  local audio = leg.answered_at and leg.core:stats()
  if audio then
    traces:tell { kind = "media", call = leg.sid, sent = audio.sent, received = audio.received,
      lost = audio.lost, jitter = audio.jitter }
  end
  traces:ended(leg.sid)
end

return trace

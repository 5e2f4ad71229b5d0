-- The timeline of a call: its verbs one after another, how long each took, and what came of it.

local timeline = {}

-- What an event adds to the verb it happens under; nil: nothing.
local says = {}

function says.play(event)
  return event.said and ("said %q"):format(event.said) or event.digits and "keys " .. event.digits
end

function says.digit(event)
  return "key " .. event.digit
end

function says.webhook(event)
  return ("%s %s"):format(event.method, event.url:match("^%a+://[^/]*([^?#]*)"))
end

function says.answer(event)
  return tostring(event.status)
end

function says.dialled(event)
  return event.code and ("%s (%d)"):format(event.status, event.code) or event.status
end

function says.recording(event)
  return ("recorded %.1f s"):format(event.duration)
end

function says.warning(event)
  return ("%d %s"):format(event.code, event.text)
end

---@class moonline.Step
---@field call string sid
---@field verb string
---@field line integer
---@field at number seconds since the beginning
---@field seconds number
---@field what string[] in their order

---@param events table[] in time order
---@return moonline.Step[]
function timeline.of(events)
  local steps, open, start = {}, {}, events[1] and events[1].time or 0
  local function close(call, time)
    local step = open[call]
    if step then step.seconds = time - start - step.at end
    open[call] = nil
  end
  for _, event in ipairs(events) do
    if event.kind == "verb" then
      close(event.call, event.time)
      local step = { call = event.call, verb = event.name, line = event.line, seconds = 0,
        at = event.time - start, what = {} }
      open[event.call], steps[#steps + 1] = step, step
    elseif event.kind == "call-ended" then
      close(event.call, event.time)
    elseif event.kind == "bridged" then
      close(event.child, event.time) -- its screening is over
    end
    local step = open[event.call]
    local text = step and says[event.kind] and says[event.kind](event)
    if text then step.what[#step.what + 1] = text end
  end
  for call in pairs(open) do close(call, events[#events].time) end
  return steps
end

---@param steps moonline.Step[]
---@return string
function timeline.text(steps)
  local lines = {}
  for _, step in ipairs(steps) do
    lines[#lines + 1] = ("%8.3f %8.3f s  <%s> line %d  %s"):format(step.at, step.seconds,
      step.verb, step.line or 0, table.concat(step.what, ", ")):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

return timeline

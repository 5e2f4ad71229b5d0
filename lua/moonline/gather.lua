-- Leg:gather: keys, while something plays and for a while after it.

local source = require "moonline.source"
local task = require "moonline.core.task"

local PLAY, OWN = 13420, 13325 -- what cannot be played has a number of its own in Gather

local function collect(self, options, state)
  local function done(event)
    if state.finish ~= "" and state.finish:find(event.digit, 1, true) then
      state.why = "finished"
      return true
    end
    state.got = state.got .. event.digit
    return state.max and #state.got >= state.max
  end
  local prompt = options.play or options.say and { say = options.say }
  for _, item in ipairs(source.list(prompt)) do
    local low, code, message = source.prepare(self, item)
    if not low then self:warn(code == PLAY and OWN or code, message) end
    local key = low and self:play_low(low, { "digit" }, OWN)
    if key then
      if done(key) then return state.got end
      break
    end
  end
  while true do
    local event = self:wait({ "digit" }, options.timeout or 5)
    if not event then
      state.why = "timeout"
      return nil
    end
    if done(event) then return state.got end
  end
end

---Collects keys. A key stops the prompt; the time runs from the prompt's end, or from the last key.
---@param options { play: any, say: string?, timeout: number?, digits: integer?, finish_on_key: string?, type_ahead: boolean? }
---@return string? digits nil when time ran out or the leg ended
---@return "finished"|"timeout"|"hangup"|nil why
---@return string collected what was pressed, also then
local function gather(self, options)
  self:ready()
  if not options.type_ahead then self.box:drop("digit") end
  local state = { got = "", finish = options.finish_on_key or "#", max = options.digits }
  local ok, value = task.catch(collect, self, options, state)
  if ok then return value, state.why, state.got end
  if type(value) == "table" and value.kind == "hangup" and value.leg == self then
    return nil, "hangup", state.got
  end
  return task.unwind(value)
end

return gather

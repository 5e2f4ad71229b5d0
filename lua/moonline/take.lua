-- Leg:record: what this leg says, until it is silent, a key comes, or it hangs up.

local known = require "moonline.options"
local recording = require "moonline.recording"
local task = require "moonline.core.task"

local BEEP = { tone = "1000", seconds = 0.4 } -- Hz: one may speak now

local RECORD <const> = known.of("record", "max", "silence", "keys", "trim", "beep", "background",
  "callback")

---@class moonline.Take: moonline.TakeFields
local Take = { __name = "moonline.Take", __close = function() end }

---@class moonline.TakeFields
---@field path string
---@field sid string
---@field url string RecordingUrl
---@field duration number seconds
---@field why "silence"|"max"|"key"|"hangup"|"stopped"
---@field key string? that ended it
---@field absent boolean nothing but silence was left; then there is no file

---Records what this leg says. Its hangup ends it, and is no error. Hold the result with <close>.
---In the background the call goes on at once, and the recording lasts until its stop() or <close>.
---silence: seconds of it that end the recording; keys: those that do; trim: silence at its begin and
---end is cut; beep: a tone before it begins; callback: where its events go.
---@param options { max: number?, silence: number?, keys: string?, trim: boolean?, beep: boolean?, background: boolean?, callback: { url: string?, method: string?, events: table<string, boolean> }? }?
---@return moonline.Take|moonline.Recording|nil recording
---@return "failed"|nil why
---@return string? text
return function(self, options)
  options = RECORD(options)
  self:ready()
  if options.beep then self:play(BEEP) end
  local one, text = recording.start(self, {
    trim = options.trim, max = options.max, silence = options.silence, keys = options.keys,
    box = not options.background and self.box or nil, source = "RecordVerb",
    callback = options.callback,
  })
  if not one then return nil, "failed", text end
  if options.background then return one end
  local ok, value = task.catch(function() return self:wait { "recorded" } end)
  if not ok and not (value.kind == "hangup" and value.leg == self) then
    one:stop()
    return task.unwind(value)
  end
  local event = one:stop(ok and value or nil)
  if event.why == "failed" then return nil, "failed", event.text end
  return setmetatable({
    path = one.path, sid = one.sid, url = one.url, duration = event.duration,
    why = ok and event.why or "hangup", key = event.key, absent = event.absent or false,
  }, Take)
end

-- Log lines: a format and its values, at a level, for a call or for none.

local core = require "moonline.core.log"

---@class moonline.log
local log = {}

---@class moonline.CallLog
local CallLog = {}

local call_log = { __index = CallLog, __name = "moonline.CallLog" }

local function text(format, ...)
  if select("#", ...) == 0 then return format end
  return format:format(...)
end

for _, level in ipairs { "debug", "info", "warning", "error" } do
  ---One line at this level, made by string.format.
  ---@param format string
  log[level] = function(format, ...)
    core.write(level, nil, text(format, ...))
  end
  CallLog[level] = function(self, format, ...)
    core.write(level, self.call, text(format, ...))
  end
end

---What is written from now on: a level ("warning" is that and worse), and a form.
---@param level "debug"|"info"|"warning"|"error"
---@param form "text"|"json"|nil
function log.setup(level, form)
  core.setup(level, form)
end

---A log whose lines name the call: `session.log:info("rang %d s", n)`.
---@param sid string
---@return moonline.CallLog
function log.call(sid)
  return setmetatable({ call = sid }, call_log)
end

return log

---@meta moonline.core.log
---@class moonline.core.log
local log = {}
---level: "debug", "info", "warning", "error"; format: "text" or "json".
---@param level string
---@param format string?
function log.setup(level, format) end
---@param level string
---@param call string? CallSid or nil
---@param text string
function log.write(level, call, text) end
---Log lines go to box as {kind="log", line} instead of stderr; nil puts stderr back. For tests.
---@param box moonline.Mailbox?
function log.capture(box) end
return log

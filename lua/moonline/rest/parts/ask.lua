-- Asks something that lives in some state (a call, a recording, the host of a conference) for what only
-- that state can do, and waits until it is done.

local crypto = require "moonline.core.crypto"
local form = require "moonline.rest.parts.form"
local task = require "moonline.core.task"

local PATIENCE = 5 -- seconds; a script that computes takes no orders

---@param env moonline.Env
---@param event table the order; whoever takes it tells event.reply (env.calls) { kind = "answer", problem }
---@param tell fun(event: table): boolean false: nobody is there
---@return boolean there
---@return string? problem why it was not done
return function(env, event, tell)
  local box = task.mailbox()
  event.reply = "RQ" .. crypto.random_hex(16)
  local _ <close> = env.calls:listen(event.reply, box, true)
  if not tell(event) then return false end
  local answer = box:wait("answer", PATIENCE)
  if not answer then form.fault(20500, "it takes no orders at the moment", 503) end
  return true, answer.problem
end

-- Leg:refer: a blind transfer. The peer is asked to call somebody else, and tells how that went.

local known = require "moonline.options"
local outcome = require "moonline.dial.outcome"
local task = require "moonline.core.task"
local uri = require "moonline.dial.uri"
local url = require "moonline.webhook.url"

local refer = {}

local PATIENCE = 180 -- seconds the peer may take to tell how it ended

local REFER <const> = known.of("refer", "headers", "timeout")

---@class moonline.Referral
---@field status "in-progress"|"busy"|"no-answer"|"failed"|"canceled" of the call it was asked to make
---@field code integer? the answer to the REFER
---@field progress integer? the last status the peer told

local function status_of(leg, result)
  local code, progress = result.code or 408, result.progress
  if result.gone then return "canceled" end
  if code >= 300 then return "failed" end
  if not progress or progress < 200 then return "no-answer" end
  if progress < 300 then return "in-progress" end
  return (outcome.of({ kind = "failed", cause = "response", code = progress }, nil,
    leg.env.config.dial.outcomes))
end

local function follow(leg, result)
  repeat
    local event = leg:wait { "refer" }
    result.code = event.code > 0 and event.code or nil
    result.progress = event.progress > 0 and event.progress or nil
  until event.final
end

---The URI of a Refer-To header, with its headers in it.
---@param plan moonline.SipTarget
---@return string
function refer.target(plan)
  return plan.uri .. (#plan.headers > 0 and "?" .. url.form(plan.headers) or "")
end

---Asks, and waits for the end. Also when the leg is over before that: what is known then.
---@param leg moonline.Leg
---@param target string
---@param timeout number?
---@return moonline.Referral
function refer.ask(leg, target, timeout)
  leg:ready()
  leg.box:drop "refer"
  local ok, why = leg.core:refer(target, timeout or PATIENCE)
  if not ok then
    leg.log:warning("the REFER cannot be sent: %s", why)
    return { status = "failed" }
  end
  local result = {}
  local fine, value = task.catch(follow, leg, result)
  if not fine and not (value.kind == "hangup" and value.leg == leg) then task.unwind(value) end
  result.gone = not fine
  result.status = status_of(leg, result)
  return result
end

---Asks the other side to call somebody else. The call goes on until somebody hangs up.
---@param leg moonline.Leg
---@param to string "sip:kate@example.com", headers as in a <Sip>: "?X-Account=12"
---@param options { headers: table?, timeout: number? }? timeout: seconds, 180
---@return true? ok it talks to them
---@return "busy"|"no-answer"|"failed"|"canceled"|nil why canceled: it hung up meanwhile
---@return integer? code of their call, or of the refusal
function refer.refer(leg, to, options)
  options = REFER(options)
  local plan, _, message = uri.parse(to, { regions = leg.env.config.sip.regions })
  if not plan then error("refer: " .. message, 2) end
  for name, value in pairs(options.headers or {}) do
    local header, fault = uri.header(name, tostring(value))
    if not header then error(("refer: header %s %s"):format(name, fault), 2) end
    table.insert(plan.headers, header)
  end
  local result = refer.ask(leg, refer.target(plan), options.timeout)
  if result.status == "in-progress" then return true end
  return nil, result.status, result.progress or result.code
end

return refer

-- Call screening: a document on the callee's leg, after its 200 and before the bridge.

local params = require "moonline.webhook.params"
local session = require "moonline.twiml.session"
local task = require "moonline.core.task"

local screen = {}

---Runs the screening document. "bridge": it fell off its end. "ended": the callee was hung up or
---hung up. "failed": it could not be fetched, or holds a forbidden verb. Any other interrupt is
---raised again.
---@param parent moonline.Session
---@param leg moonline.Leg the callee
---@param target { url: string, method: string }
---@return "bridge"|"ended"|"failed"
function screen.run(parent, leg, target)
  local own = session.new(leg, { base = parent.base, screening = true })
  local extra = { { "SipCallId", leg.call_id } }
  params.add_headers(extra, "SipHeader_", leg.answer_headers)
  local ok, value = task.catch(function()
    own:run(own:fetch(target.url, extra, target.method, "screening"))
  end)
  if ok then return leg.ended and "ended" or "bridge" end
  if value.kind == "hangup" and value.leg == leg then return "ended" end
  if value.kind == "document-failed" then return "failed" end
  return task.unwind(value)
end

return screen

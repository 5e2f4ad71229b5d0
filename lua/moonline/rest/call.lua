-- One call: read, changed while it lives, deleted when it is over.

local form = require "moonline.rest.parts.form"
local order = require "moonline.rest.parts.order"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.call"

local EARLY = { queued = true, initiated = true, ringing = true }

-- What the form asks of a live call, as an event for its task.
local function change(given)
  local status = given:choice("Status", { "completed", "canceled" }, 21218)
  local event = order.document(given)
  event.kind = "redirect"
  if status and (event.url or event.twiml) then
    form.fault(21103, "Status ends the call, Url and Twiml redirect it: one of them is expected")
  elseif event.url and event.twiml then
    form.fault(21103, "Url and Twiml are both given: one of them is expected")
  elseif not (status or event.url or event.twiml) then
    form.fault(20001, "one of Url, Twiml and Status is expected")
  end
  event.hangup = status ~= nil
  return event, status
end

return {
  account = { "/Calls/(CA%x+)" },

  GET = function(env, reply, _, sid)
    local fields = records.get(env, "call", sid)
    if not fields then return reply:missing() end
    reply:json(200, shape(env.config, fields))
  end,

  POST = function(env, reply, _, sid)
    local fields = records.get(env, "call", sid)
    if not fields then return reply:missing() end
    local event, status = change(reply:form())
    local late = status == "canceled" and not EARLY[fields.status]
    if late or not env.calls:tell(sid, event) then
      form.fault(21220, ("the call is %s: it cannot be %s any more"):format(fields.status,
        status or "redirected"))
    end
    reply:json(200, shape(env.config, fields))
  end,

  DELETE = function(env, reply, _, sid)
    local fields = records.get(env, "call", sid)
    if not fields then return reply:missing() end
    if env.calls:has(sid) then
      form.fault(20009, "the call is in progress: it cannot be deleted", 409)
    end
    env.store:remove("call", sid)
    reply:nothing()
  end,
}

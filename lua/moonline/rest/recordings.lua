-- Recordings: those of the account, and those of one call.

local form = require "moonline.rest.parts.form"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.recording"

return {
  account = { "/Recordings", "/Calls/(CA%x+)/Recordings" },

  GET = function(env, reply, _, call)
    local query, where = reply:form(), {}
    if call and not records.get(env, "call", call) then return reply:missing() end
    if call then where[1] = { "call", "=", call } end
    records.equal(where, query, { CallSid = "call", ConferenceSid = "conference" })
    records.time(where, query, "DateCreated", "created")
    records.reply(env, reply, query,
      { kind = "recording", name = "recordings", where = where, shape = shape })
  end,

  POST = function()
    form.fault(20004, "a recording is begun by TwiML, or by Record of a placed call", 405)
  end,
}

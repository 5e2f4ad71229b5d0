-- Recordings: those of the account, of one call, of one conference; and begun of a call or conference
-- that is live.

local ask = require "moonline.rest.parts.ask"
local crypto = require "moonline.core.crypto"
local form = require "moonline.rest.parts.form"
local order = require "moonline.rest.parts.order"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.recording"

-- The call or conference whose recordings they are: its kind and record.
local function owner_of(env, sid)
  local kind = sid:match("^CF") and "conference" or "call"
  return kind, records.get(env, kind, sid)
end

return {
  account = { "/Recordings", "/Calls/(CA%x+)/Recordings", "/Conferences/(CF%x+)/Recordings" },

  GET = function(env, reply, _, sid)
    local query, where = reply:form(), {}
    if sid then
      local kind, owner = owner_of(env, sid)
      if not owner then return reply:missing() end
      where[1] = { kind, "=", sid }
    end
    records.equal(where, query, { CallSid = "call", ConferenceSid = "conference" })
    records.time(where, query, "DateCreated", "created")
    records.reply(env, reply, query,
      { kind = "recording", name = "recordings", where = where, shape = shape })
  end,

  POST = function(env, reply, _, sid)
    if not sid then form.fault(20004, "a recording is begun below its call or conference", 405) end
    local kind, owner = owner_of(env, sid)
    if not owner then return reply:missing() end
    local of_call = kind == "call"
    local event = order.recording(reply:form(),
      of_call and "StartCallRecordingAPI" or "StartConferenceRecordingAPI")
    event.kind, event.what, event.sid = "record", "record", "RE" .. crypto.random_hex(16)
    local there, problem = owner.status == "in-progress", nil
    if there then
      there, problem = ask(env, event, function()
        if of_call then return env.calls:tell(sid, event) end
        return env.rooms:post(sid, "host", event) > 0
      end)
    end
    if not there then
      form.fault(21220, ("the %s is %s: only one that is in-progress is recorded"):format(kind,
        owner.status))
    end
    if problem then form.fault(21220, "nothing is recorded: " .. problem) end
    reply:json(201, shape(env.config, records.expect(env, "recording", event.sid)))
  end,
}

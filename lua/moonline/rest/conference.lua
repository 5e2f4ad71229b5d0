-- One conference: read, ended, told something.

local conference = require "moonline.room.conference"
local form = require "moonline.rest.parts.form"
local participant = require "moonline.room.participant"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.conference"

return {
  account = { "/Conferences/(CF%x+)" },

  GET = function(env, reply, _, sid)
    local fields = records.get(env, "conference", sid)
    if not fields then return reply:missing() end
    reply:json(200, shape(env.config, fields))
  end,

  POST = function(env, reply, _, sid)
    local fields = records.get(env, "conference", sid)
    if not fields then return reply:missing() end
    local given = reply:form()
    local status = given:choice("Status", { "completed" }, 21218)
    local url, method = given:url "AnnounceUrl", given:method "AnnounceMethod"
    if not (status or url) then form.fault(20001, "Status or AnnounceUrl is expected") end
    if url and not participant.announce(env.rooms, sid, nil, url, method) then
      form.fault(21220, ("the conference is %s: nobody hears it"):format(fields.status))
    end
    if status then
      conference.finish(env.rooms, sid) -- of one that is over: it stays so
      fields.status = status
    end
    reply:json(200, shape(env.config, fields))
  end,
}

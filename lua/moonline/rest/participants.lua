-- Participants of a conference: listed, and called into it.

local form = require "moonline.rest.parts.form"
local invitation = require "moonline.rest.parts.invitation"
local page = require "moonline.rest.parts.page"
local participants = require "moonline.rest.parts.participants"
local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.participant"
local uri = require "moonline.dial.uri"

local FILTERS = { Muted = "muted", Hold = "hold", Coaching = "coach" }

local function fits(one, query)
  for name, field in pairs(FILTERS) do
    local wanted = query:flag(name)
    if wanted ~= nil and wanted ~= (one.fields[field] ~= nil) then return false end
  end
  return true
end

-- The name of a conference that is there by its sid; else what is in the path is a name.
local function name_of(env, text)
  local name = uri.decode(text)
  if not name then form.fault(20001, "the path has a % without two hex digits") end
  if not name:match("^CF%x+$") then return name end
  local room = env.rooms:get(name)
  return room and room.kind == "conference" and room.name or nil
end

return {
  account = { "/Conferences/([^/]+)/Participants" },

  GET = function(env, reply, _, sid)
    if not records.get(env, "conference", sid) then return reply:missing() end
    local query, list = reply:form(), {}
    for _, one in ipairs(participants.list(env, sid)) do
      if fits(one, query) then list[#list + 1] = one end
    end
    page.reply(reply, query, "participants", list, function(one) return shape(env.config, one) end)
  end,

  POST = function(env, reply, _, text)
    local name = name_of(env, text)
    if not name then return reply:missing() end
    local sid, call, a = invitation.send(env, name, reply:form())
    reply:json(201, shape(env.config, { call = call, conference = sid, status = "queued",
      fields = {
        label = a.participantLabel, muted = a.muted or nil, coach = a.coach,
        start_on_enter = a.startConferenceOnEnter or nil,
        end_on_exit = a.endConferenceOnExit or nil,
      } }))
  end,
}

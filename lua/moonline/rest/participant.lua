-- One participant of a conference, by CallSid or label: read, changed, put out.

local form = require "moonline.rest.parts.form"
local participant = require "moonline.room.participant"
local participants = require "moonline.rest.parts.participants"
local shape = require "moonline.rest.parts.participant"
local uri = require "moonline.dial.uri"

local function find(env, sid, text)
  local who = uri.decode(text)
  return who and participants.find(env, sid, who)
end

-- beep, when BeepOnExit is said anew.
local BEEPS = {
  [true] = { ["false"] = "onExit", onEnter = "true" },
  [false] = { ["true"] = "onEnter", onExit = "false" },
}

local function coach(env, given, one, fields)
  local whom, coaching = given:text "CallSidToCoach", given:flag "Coaching"
  if coaching == false then
    fields.coach = false
  elseif coaching or whom then
    if not whom then form.fault(13240, "Coaching is for one: CallSidToCoach is expected") end
    if whom == one.call or not env.rooms:member(one.conference, whom) then
      form.fault(13240, whom .. ": nobody else of that CallSid is in the conference")
    end
    fields.coach = whom
  end
end

-- The fields that the form changes, and what is heard on hold.
local function changes(env, given, one)
  local fields, extra = { muted = given:flag "Muted", hold = given:flag "Hold" }, nil
  fields.end_on_exit = given:flag "EndConferenceOnExit"
  local url, method = given:url "HoldUrl", given:method "HoldMethod"
  if fields.hold then extra = { url = url, method = method or "GET" } end
  local beep = given:flag "BeepOnExit"
  if beep ~= nil then fields.beep = BEEPS[beep][one.fields.beep] end
  coach(env, given, one, fields)
  return fields, extra
end

return {
  account = { "/Conferences/(CF%x+)/Participants/([^/]+)" },

  GET = function(env, reply, _, sid, who)
    local one = find(env, sid, who)
    if not one then return reply:missing() end
    reply:json(200, shape(env.config, one))
  end,

  POST = function(env, reply, _, sid, who)
    local one = find(env, sid, who)
    if not one then return reply:missing() end
    if one.status ~= "connected" then
      form.fault(21220, "the participant is " .. one.status .. ": it is not in the conference yet")
    end
    local given = reply:form()
    local fields, extra = changes(env, given, one)
    local url, method = given:url "AnnounceUrl", given:method "AnnounceMethod"
    if next(fields) then participant.change(env.rooms, sid, one.call, fields, extra) end
    if url then participant.announce(env.rooms, sid, one.call, url, method) end
    local now = participants.find(env, sid, one.call)
    if not now then return reply:missing() end
    reply:json(200, shape(env.config, now))
  end,

  DELETE = function(env, reply, _, sid, who)
    local one = find(env, sid, who)
    if not one then return reply:missing() end
    if not participant.kick(env.rooms, sid, one.call) then
      env.calls:tell(one.call, { kind = "redirect", hangup = true }) -- it is on its way
    end
    reply:nothing()
  end,
}

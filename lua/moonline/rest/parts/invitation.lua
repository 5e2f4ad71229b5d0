-- The form that calls somebody into a conference, and what comes of it: a call that joins when it is
-- answered.

local attendance = require "moonline.room.attendance"
local events = require "moonline.room.events"
local form = require "moonline.rest.parts.form"
local host = require "moonline.room.host"
local order = require "moonline.rest.parts.order"
local outbound = require "moonline.outbound"

local invitation = {}

local LONGEST <const> = 128 -- characters of a name or label

local function flag(given, name, default)
  local value = given:flag(name)
  if value == nil then return default end
  return value
end

-- What the form says in the words of <Conference>.
local function attributes(given)
  local label = given:text "Label"
  if label and (#label > LONGEST or label:match("^CA%x+$")) then
    form.fault(16025, ("Label: at most %d characters are expected, and no CallSid"):format(LONGEST))
  end
  local coach = given:text "CallSidToCoach"
  if given:flag "Coaching" and not coach then
    form.fault(13240, "Coaching is for one: CallSidToCoach is expected")
  end
  local recorded = given:choice("ConferenceRecord",
    { "true", "false", "record-from-start", "do-not-record" }, 21250)
  local words = {}
  local hook = order.recording_callback(given, "Conference")
  for word in pairs(hook.events) do words[#words + 1] = word end
  return {
    muted = flag(given, "Muted", false), participantLabel = label,
    beep = given:choice("Beep", { "true", "false", "onEnter", "onExit" }, 13235) or "true",
    startConferenceOnEnter = flag(given, "StartConferenceOnEnter", true),
    endConferenceOnExit = flag(given, "EndConferenceOnExit", false),
    maxParticipants = given:integer("MaxParticipants", 2, 250, 13239) or 250,
    coach = given:flag "Coaching" and coach or nil, waitUrl = given:url "WaitUrl",
    waitMethod = given:method "WaitMethod" or "POST",
    jitterBufferSize = given:choice("JitterBufferSize", { "large", "medium", "small", "off" },
      20001) or "large",
    statusCallback = given:url "ConferenceStatusCallback",
    statusCallbackMethod = given:method "ConferenceStatusCallbackMethod" or "POST",
    statusCallbackEvent = order.words(given, "ConferenceStatusCallbackEvent", events.words, 21626)
      or { "start", "end" },
    record = (recorded == "true" or recorded == "record-from-start") and "record-from-start"
      or "do-not-record",
    trim = given:choice("ConferenceTrim", { "trim-silence", "do-not-trim" }, 21250)
      or "do-not-trim",
    recordingStatusCallback = hook.url, recordingStatusCallbackMethod = hook.method,
    recordingStatusCallbackEvent = words,
  }
end

local function same(url)
  return url
end

---Calls somebody into a conference, made when there is none of that name.
---@param env moonline.Env
---@param name string FriendlyName
---@param given moonline.Form
---@return string conference its sid
---@return string call
---@return table attributes as of <Conference>
function invitation.send(env, name, given)
  local a, wanted = attributes(given), {}
  order.place(given, wanted)
  if #name > LONGEST then
    form.fault(13237, ("the name of a conference has at most %d characters"):format(LONGEST))
  end
  local rooms = env.rooms
  local sid, is_new = rooms:open("conference", name, "CF")
  if is_new then host.start(env, sid, name, attendance.host(a, same)) end
  local call, code, message
  wanted.run = function(session) attendance.join(session, name, a, {}) end
  wanted.over = function() rooms:post(sid, "host", { what = "uninvited", call = call }) end
  call, code, message = outbound.place(env, wanted)
  if not call then
    rooms:post(sid, "host", { what = "uninvited", call = "" })
    form.fault(code, message)
  end
  rooms:set(sid, { [host.invitation .. call] = a.participantLabel or "" })
  rooms:post(sid, "host", { what = "invited", call = call })
  return sid, call, a
end

return invitation

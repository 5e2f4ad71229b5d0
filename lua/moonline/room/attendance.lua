-- A call in a conference by the words of TwiML: what it hears while it waits, on hold, and what is
-- announced come from documents. Its attributes are those of <Conference>, whoever read them.

local conference = require "moonline.room.conference"
local hold = require "moonline.room.hold"
local task = require "moonline.core.task"

local attendance = {}

local RULES <const> = { name = "waiting conference", code = 13238, verbs = { Redirect = true } }
local ANNOUNCED <const> = { name = "announcement", code = 13238, verbs = {} }

-- A document that cannot be had gives way to music.
local function listen(session, url, method)
  local ok, value = task.catch(function()
    local own = hold.session(session, RULES)
    own:run(own:fetch(url, nil, method, "wait"))
  end)
  if ok then return end
  if value.kind ~= "document-failed" then return task.unwind(value) end
  hold.music(session.call)
end

-- nil: our own music.
local function waiting(session, url, method)
  if not url then return nil end
  return function()
    if url ~= "" then listen(session, url, method) end
  end
end

---What a call on hold hears, and how it hears an announcement: options of moonline.room.conference.
---@param session moonline.Session
---@return fun(url: string?, method: string?) on_hold
---@return fun(event: table) on_announce
function attendance.documents(session)
  return function(url, method)
    if url then listen(session, url, method) else hold.music(session.call) end
  end, function(event)
    local own = hold.session(session, ANNOUNCED)
    own:run(own:fetch(event.url, nil, event.method, "announcement"))
  end
end

---What the first participant says of a conference: options of moonline.room.host.
---@param a table attributes
---@param url fun(reference: string?): string? makes a callback URL absolute
---@return table
function attendance.host(a, url)
  local wanted = {}
  for _, event in ipairs(a.recordingStatusCallbackEvent) do wanted[event] = true end
  return {
    callback = {
      url = url(a.statusCallback), method = a.statusCallbackMethod, events = a.statusCallbackEvent,
    },
    record = a.record == "record-from-start", trim = a.trim == "trim-silence",
    recording = {
      url = url(a.recordingStatusCallback), method = a.recordingStatusCallbackMethod,
      events = wanted,
    },
    event_url = url(a.eventCallbackUrl),
  }
end

local REFUSED = {
  full = { 13239, "the conference is full" }, coach = { 13240, "nobody of that CallSid to coach" },
  label = { 16025, "another participant has that label" },
  present = { 13237, "the call is in that conference already" },
}

---Joins and stays. A refusal is a warning.
---@param session moonline.Session
---@param name string
---@param a table attributes
---@param options { star: boolean?, time_limit: number? }
---@param joined fun(sid: string)?
function attendance.join(session, name, a, options, joined)
  local on_hold, on_announce = attendance.documents(session)
  local _, why = conference.join(session.call, name, {
    muted = a.muted, beep = a.beep, start_on_enter = a.startConferenceOnEnter,
    end_on_exit = a.endConferenceOnExit, label = a.participantLabel, max = a.maxParticipants,
    coach = a.coach, jitter = a.jitterBufferSize, star = options.star,
    time_limit = options.time_limit, wait = waiting(session, a.waitUrl, a.waitMethod),
    host = attendance.host(a, function(url) return session:callback_url(url) end),
    on_hold = on_hold, on_announce = on_announce,
  }, joined)
  if why then session:warn(table.unpack(REFUSED[why])) end
end

return attendance

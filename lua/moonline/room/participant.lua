-- What a participant of a conference may do now, by what the house keeps of it.

local task = require "moonline.core.task"

local participant = {}

-- jitterBufferSize -> milliseconds that are evened out.
participant.delays = { off = 0, small = 20, medium = 40, large = 60 }

---Gives a participant the place in the mixer that its fields say: nobody is heard before the
---conference has started, who is on hold neither hears nor is heard.
---@param rooms moonline.Rooms
---@param sid string
---@param call string CallSid
function participant.apply(rooms, sid, call)
  local own = rooms:member(sid, call)
  if not own then return end
  local on = rooms:get(sid, "started") ~= nil and not own.hold
  rooms:seat(sid, call, {
    speaks = on and not own.muted, hears = on, coached = own.coach, watched = own.watched ~= nil,
    delay = math.tointeger(tonumber(own.delay)),
  })
end

---Changes a participant: muted, hold, coach, end_on_exit ... (false removes). It is told, and so is
---whoever runs the conference. For calls of every generation, and for REST.
---@param rooms moonline.Rooms
---@param sid string
---@param call string CallSid
---@param fields table<string, string|number|boolean>
---@param extra table? more for the participant: the url and method that are heard on hold
---@return boolean there
function participant.change(rooms, sid, call, fields, extra)
  fields.changed = task.time()
  if not rooms:change(sid, call, fields) then return false end
  participant.apply(rooms, sid, call)
  local event = { what = "changed", hold = fields.hold }
  for name, value in pairs(extra or {}) do event[name] = value end
  rooms:post(sid, call, event)
  rooms:post(sid, "host", { what = "changed", call = call, changes = fields })
  return true
end

---Puts a participant out of the conference.
---@return boolean there
function participant.kick(rooms, sid, call)
  rooms:change(sid, call, { kicked = true })
  return rooms:post(sid, call, { what = "kick" }) > 0
end

---Plays a document to one participant, or to all.
---@param rooms moonline.Rooms
---@param sid string
---@param call string?
---@param url string absolute
---@param method string?
---@return boolean there
function participant.announce(rooms, sid, call, url, method)
  return rooms:post(sid, "host",
    { what = "announce", call = call, url = url, method = method or "POST" }) > 0
end

return participant

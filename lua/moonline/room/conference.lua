-- A call in a conference: joins, waits for the start, talks, leaves.

local hold = require "moonline.room.hold"
local host = require "moonline.room.host"
local participant = require "moonline.room.participant"
local task = require "moonline.task"

local conference = {}

local MOST = 250 -- participants

---@class moonline.ConferenceOptions
---@field muted boolean?
---@field beep "true"|"false"|"onEnter"|"onExit"|nil to the others when it comes and goes ("true")
---@field start_on_enter boolean? the conference starts with it and one other (true)
---@field end_on_exit boolean? the conference ends for all when it leaves
---@field label string? unique in the conference
---@field max integer? participants it may join among (250)
---@field coach string? CallSid: only that participant hears it
---@field jitter "large"|"medium"|"small"|"off"|nil
---@field wait fun()? does what it hears before the start; see moonline.room.hold
---@field on_hold fun(url: string?, method: string?) ... and while it is on hold
---@field on_announce fun(event: table) plays an announcement to it alone
---@field star boolean? its * leaves the conference
---@field time_limit number? seconds
---@field host table? see moonline.room.host: what the first participant says of the conference

-- Why it cannot join.
local function refusal(rooms, sid, call, options)
  if rooms:member(sid, call.sid) then return "present" end
  local members = rooms:members(sid)
  if #members >= math.min(options.max or MOST, MOST) then return "full" end
  if options.coach and not rooms:member(sid, options.coach) then return "coach" end
  for _, other in ipairs(options.label and members or {}) do
    if rooms:member(sid, other, "label") == options.label then return "label" end
  end
  return nil
end

local function fields_of(options)
  return {
    joined = task.time(), label = options.label or false, muted = options.muted or false,
    beep = options.beep or "true", coach = options.coach or false,
    start_on_enter = options.start_on_enter ~= false, end_on_exit = options.end_on_exit or false,
    delay = participant.delays[options.jitter or "large"],
  }
end

-- Stays until something ends it.
local Stay = {}
Stay.__index = Stay

function Stay:next()
  local call, options = self.call, self.options
  local held = self.rooms:member(self.sid, call.sid, "hold")
  if held then
    local how = self.held or {}
    return hold.during(call, function()
      options.on_hold(how.url, how.method)
    end)
  elseif not self.rooms:get(self.sid, "started") then
    return hold.during(call, function()
      if self.waited then return end -- its sounds are through: silence
      if options.wait then options.wait() else hold.music(call) end
      self.waited = true
    end)
  end
  return call:wait { "room", "digit" }
end

local ENDS = { ["end"] = "ended", kick = "kicked", limit = "limit" }

-- An announcement to this call alone, until its end or what interrupts it: that event.
function Stay:announce(event)
  local ok, value = task.catch(self.options.on_announce, event)
  self.rooms:post(self.sid, "host", { what = "announced", number = event.number,
    failed = not ok and value.kind == "document-failed" and value.message or nil })
  if ok or value.kind == "document-failed" then return nil end
  if value.kind ~= "room" then task.unwind(value) end
  self.call.core:stop()
  return value
end

function Stay:run()
  local due
  while true do
    local event = due or self:next()
    due = nil
    if event.kind == "digit" then
      if event.digit == "*" and self.options.star then return "left" end
    elseif event.what == "escape" then
      return "left"
    elseif ENDS[event.what] then
      return ENDS[event.what]
    elseif event.what == "changed" then
      if event.hold then self.held = event end
    elseif event.what == "announce" then
      due = self:announce(event)
    end
  end
end

---Joins a conference, made when there is none of that name, and stays until it ends for this call. Its
---hangup is raised, as by Leg:wait. `joined` is called when it is in.
---@param call moonline.Leg
---@param name string FriendlyName
---@param options moonline.ConferenceOptions
---@param joined fun(sid: string)?
---@return "left"|"ended"|"kicked"|"limit"|nil how
---@return "full"|"label"|"coach"|"present"|nil why it did not join
function conference.join(call, name, options, joined)
  call:ready()
  local rooms = call.env.rooms
  local sid, is_new = rooms:open("conference", name, "CF")
  local why = refusal(rooms, sid, call, options)
  if why then
    if is_new then rooms:shut(sid) end
    return nil, why
  end
  if is_new then host.start(call.env, sid, name, options.host or {}) end
  local _ <close> = task.closing(function() call.box:drop "room" end)
  local _ <close> = rooms:enter(sid, call.core, call.sid, fields_of(options), call.box)
  call.env.notify { kind = "conference", call = call.sid, conference = sid, name = name }
  if joined then joined(sid) end
  local _ <close> = task.closing(function() call.escape = nil end)
  call.escape = options.star and "*" or nil
  local limit = options.time_limit
  local _ <close> = limit and task.timer(limit, call.box, { kind = "room", what = "limit" }) or nil
  return setmetatable({ call = call, rooms = rooms, sid = sid, options = options }, Stay):run()
end

---Ends a conference for all who are in it.
---@param rooms moonline.Rooms
---@param sid string
---@return boolean there
function conference.finish(rooms, sid)
  return rooms:post(sid, "host", { what = "stop" }) > 0
end

return conference

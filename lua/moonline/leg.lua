-- A party one can talk to: what verbs and scripts hold. Wraps a leg of moonline.core.sip.

local crypto = require "moonline.core.crypto"
local header_map = require "moonline.headers"
local log = require "moonline.log"
local memo = require "moonline.memo"
local record = require "moonline.record"
local recording = require "moonline.recording"
local stream = require "moonline.stream"
local task = require "moonline.core.task"
local trace = require "moonline.trace"

---@class moonline.Leg
---@field sid string CallSid
---@field id string the same
---@field from string sip:user@host
---@field to string
---@field state "calling"|"ringing"|"in-progress"|"ended"
---@field direction "inbound"|"outbound-dial"|"outbound-api"
---@field headers table<string, string> of the INVITE, lower-case names
---@field core moonline.CoreLeg
---@field escape string? a key that ends what is played to a call in a room
local Leg = {}
Leg.__index = Leg
Leg.__name = "moonline.Leg"

local leg = {}

-- Events that end what is going on, in whatever order they come among the others.
local INTERRUPTS = {
  "ended", "canceled", "failed", "lost", "redirect", "stop", "room", "record", "transfer",
}
local END_KINDS = { "ended", "canceled", "failed", "lost" }
local ENDS = { ended = true, canceled = true, failed = true, lost = true }

-- The same where a key is a way out.
local WITH_KEYS = { "digit", table.unpack(INTERRUPTS) }

local NO_TRANSFER = 13802 -- number of the warning

-- Raised when nobody asked for them. Of a room: while something else goes on until it calls.
local RAISED = { redirect = true, stop = true, room = true }

local function asks_for(kinds, kind)
  if type(kinds) == "string" then return kinds == kind end
  for _, one in ipairs(kinds) do
    if one == kind then return true end
  end
  return false
end

-- The leg is over: kept, so that every later operation says so again.
function Leg:over(event)
  if self.ended then return end
  if event.kind == "lost" then
    self.log:warning("no RTP came any more: hanging up")
    self.core:hangup()
  end
  self.state, self.ended, self.ended_at = "ended", event, event.time or task.clock()
  self:forget()
  stream.stop_all(self)
end

-- Begins a recording that was asked for from outside (an event of kind "record"), whatever the call is
-- at.
function Leg:take_order(event)
  self.recordings[#self.recordings + 1] = recording.asked(self, event)
end

-- Nobody reaches it by its sid any more.
function Leg:forget()
  for _, one in ipairs(self.recordings) do one:finish() end
  trace.ended(self)
  self.listener:close()
  if not self.has_events then record.ended(self) end -- else with the event of its end
end

-- What others may know of it.
function Leg:record_state(fields)
  fields = fields or {}
  fields.status = self:status()
  record.state(self, fields)
end

---Raises the hangup value when the leg is over.
function Leg:check()
  if self.ended then task.unwind { kind = "hangup", leg = self } end
end

-- The same, also when nobody has taken the news yet: before something new is begun.
function Leg:still_there()
  local event = not self.ended and self.box:wait(END_KINDS, 0)
  if event then self:over(event) end
  self:check()
end

-- A key nobody asked for, where one of them is a way out.
function Leg:other_key(event)
  if event.digit == self.escape then task.unwind { kind = "room", what = "escape" } end
end

-- The peer asked for a transfer and was refused: told once a call.
function Leg:tell_transfer(event)
  if self.transfer_told then return end
  self.transfer_told = true
  self:warn(NO_TRANSFER, ("the other side asks for a transfer to %s: refused with 603"):format(
    event.text:sub(1, 256)))
end

---Takes the oldest event of one of these kinds; raises when the leg ends or is redirected first.
---@param kinds string|string[]
---@param timeout number?
---@return moonline.Event?, "timeout"?
function Leg:wait(kinds, timeout)
  self:check()
  local escape = self.escape and not asks_for(kinds, "digit")
  local limit = timeout and task.clock() + timeout
  local event, why = self.box:wait(kinds, timeout, escape and WITH_KEYS or INTERRUPTS)
  if not event then return nil, why end
  if ENDS[event.kind] then
    self:over(event)
    self:check()
  elseif RAISED[event.kind] and not asks_for(kinds, event.kind) then
    task.unwind(event)
  elseif event.kind == "digit" then
    self:fire("dtmf", event.digit)
    trace.digit(self, event.digit)
    if not escape then return event end
    self:other_key(event)
  elseif event.kind == "record" then
    self:take_order(event)
  elseif event.kind == "transfer" then
    self:tell_transfer(event)
  else
    return event
  end
  return self:wait(kinds, limit and math.max(0, limit - task.clock()))
end

---Calls fn for events nobody waits for: "dtmf" (digit).
---@param name string
---@param fn function
function Leg:on(name, fn)
  self.handlers[name] = self.handlers[name] or {}
  table.insert(self.handlers[name], fn)
end

function Leg:fire(name, ...)
  for _, fn in ipairs(self.handlers[name] or {}) do fn(...) end
end

---A numbered warning: to the log, and to whoever watches.
---@param code integer
---@param message string
function Leg:warn(code, message)
  self.log:warning("%d %s", code, message)
  self.env.counters:add(('moonline_warnings_total{code="%d"}'):format(code))
  self.env.notify { kind = "warning", call = self.sid, code = code, text = message }
  record.notification(self.env, self.sid, code, message)
end

---Twilio's CallStatus of this leg now.
---@return string
function Leg:status()
  if self.final_status then return self.final_status end
  if self.state == "calling" then return "initiated" end
  if self.state == "ended" then return self.answered_at and "completed" or "canceled" end
  return self.state
end

---Whole seconds since it was answered, until now or its end.
---@return integer
function Leg:duration()
  if not self.answered_at then return 0 end
  return math.floor((self.ended_at or task.clock()) - self.answered_at + 1e-6)
end

---Tells the caller that it rings (180).
function Leg:ring()
  self:check()
  if self.state == "ringing" then self.core:ring(false) end
end

---Answers; returns when the 200 is sent. Nothing for a leg that is answered.
---@param headers string[][]? more headers of the 200: { name, value }
function Leg:answer(headers)
  self:check()
  if self.state ~= "ringing" then return end
  local ok, why = self.core:answer(headers)
  if not ok then
    self.log:warning("the call cannot be answered: %s", why)
    self:over { kind = "failed", cause = "sdp" }
    self:check()
  end
  self.state, self.answered_at = "in-progress", task.clock()
  self:record_state()
end

local REJECT = { busy = 486, rejected = 603 }
-- CallStatus of a call refused with that code; of others: failed.
local REFUSED = {
  [486] = "busy", [600] = "busy", [480] = "no-answer", [603] = "no-answer",
}

---Refuses a call that is not answered.
---@param reason "busy"|"rejected"|integer|nil
---@param phrase string?
function Leg:reject(reason, phrase)
  self:check()
  local code = REJECT[reason or "rejected"] or math.tointeger(reason)
  if not code or code < 300 or code > 699 then
    error("reject: busy, rejected or a SIP code from 300 to 699 expected", 2)
  end
  self.core:reject(code, phrase)
  self.final_status = self.final_status or REFUSED[code] or "failed"
  self:over { kind = "ended", cause = "local" }
end

---Hangs up. Nothing when it is over. Later operations raise.
function Leg:hangup()
  if self.ended then return end
  self.core:hangup()
  self:over { kind = "ended", cause = "local" }
end

function Leg:ready()
  self:check()
  if self.state == "ringing" then self:answer() end
end

for name, fn in pairs(require "moonline.play") do Leg[name] = fn end
Leg.gather = require "moonline.gather"
Leg.stream = stream.open

---Hangs up and lets go. Nothing for a leg that went its own way (moonline.live).
function Leg:close()
  if self.moved then return end
  self:hangup()
  self.core:close()
end

Leg.__close = Leg.close

local plain = memo(function(uri)
  return (uri:gsub("[;?].*$", ""))
end)

-- From of a call we place: as it will most likely be, until its INVITE is built.
local function own_from(env, info)
  local known = info.from or "anonymous"
  if known:find("^sips?:") then return known end
  local host = env.agent and env.agent:addresses()[1]:match("^%l+:(.*):%d+$") or "localhost"
  return ("sip:%s@%s"):format(known, host)
end

---The INVITE of a call we place was built: what is known of it since.
function Leg:sent()
  local info = self.core:info()
  self.call_id, self.from = info.call_id, own_from(self.env, info)
  trace.dialog(self, info.call_id)
  self:record_state { from = self.from }
end

---Wraps a core leg. env is the runtime it lives in.
---@param env table config, calls, client, speech, agent, notify ...
---@param core moonline.CoreLeg
---@param fields { direction: string, from: string?, to: string?, parent_sid: string?, sid: string?, box: moonline.Mailbox? }
---@return moonline.Leg
function leg.new(env, core, fields)
  local info = core:info()
  local self = setmetatable({
    env = env, core = core, box = fields.box or task.mailbox(), info = info, handlers = {},
    recordings = {}, jar = fields.jar, direction = fields.direction,
    sid = fields.sid or "CA" .. crypto.random_hex(16), parent_sid = fields.parent_sid,
    from = fields.from or own_from(env, info), to = fields.to or plain(info.request_uri),
    state = info.incoming and "ringing" or "calling",
    headers = header_map.of(info.headers),
  }, Leg)
  self.id, self.log = self.sid, log.call(self.sid)
  self.listener = env.calls:listen(self.sid, self.box)
  trace.open(self, info)
  core:events(self.box)
  return self
end

leg.Leg = Leg

return leg

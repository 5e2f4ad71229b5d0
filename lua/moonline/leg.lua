-- A party one can talk to: what verbs and scripts hold. Wraps a leg of moonline.core.sip.

local crypto = require "moonline.core.crypto"
local log = require "moonline.log"
local memo = require "moonline.memo"
local sip = require "moonline.core.sip"
local source = require "moonline.source"
local task = require "moonline.core.task"

---@class moonline.Leg
---@field sid string CallSid
---@field id string the same
---@field from string sip:user@host
---@field to string
---@field state "calling"|"ringing"|"in-progress"|"ended"
---@field direction "inbound"|"outbound-dial"|"outbound-api"
---@field headers table<string, string> of the INVITE, lower-case names
---@field core moonline.CoreLeg
local Leg = {}
Leg.__index = Leg
Leg.__name = "moonline.Leg"

local leg = {}

-- Events that end what is going on, in whatever order they come among the others.
local INTERRUPTS = { "ended", "canceled", "failed", "lost", "redirect", "stop" }
local END_KINDS = { "ended", "canceled", "failed", "lost" }
local ENDS = { ended = true, canceled = true, failed = true, lost = true }

-- The leg is over: kept, so that every later operation says so again.
function Leg:over(event)
  if self.ended then return end
  if event.kind == "lost" then
    self.log:warning("no RTP came any more: hanging up")
    self.core:hangup()
  end
  self.state, self.ended, self.ended_at = "ended", event, event.time or task.clock()
  self.env.calls:remove(self.sid)
end

-- What others may know of it: the house's table of live calls.
function Leg:record_state(fields)
  fields = fields or {}
  fields.status = self:status()
  self.env.calls:set(self.sid, fields)
end

---Raises the hangup value when the leg is over.
function Leg:check()
  if self.ended then task.unwind { kind = "hangup", leg = self } end
end

---The same, also when nobody has taken the news yet: before something new is begun.
function Leg:still_there()
  local event = not self.ended and self.box:wait(END_KINDS, 0)
  if event then self:over(event) end
  self:check()
end

---Takes the oldest event of one of these kinds; raises when the leg ends or is redirected first.
---@param kinds string|string[]
---@param timeout number?
---@return moonline.Event?, "timeout"?
function Leg:wait(kinds, timeout)
  self:check()
  local event, why = self.box:wait(kinds, timeout, INTERRUPTS)
  if not event then return nil, why end
  if ENDS[event.kind] then
    self:over(event)
    self:check()
  elseif event.kind == "redirect" or event.kind == "stop" then
    task.unwind(event)
  elseif event.kind == "digit" then
    self:fire("dtmf", event.digit)
  end
  return event
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
function Leg:warn(code, message)
  self.log:warning("%d %s", code, message)
  self.env.notify { kind = "warning", call = self.sid, code = code, text = message }
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
function Leg:answer()
  self:check()
  if self.state ~= "ringing" then return end
  local ok, why = self.core:answer()
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

local CANNOT_PLAY = 13420

-- Plays one prepared item to its end, or until an event of `kinds` comes: that event. code is the
-- number of the warning when it cannot be played.
function Leg:play_low(low, kinds, code)
  local op, why, text = self.core:play(low)
  if not op then
    self:warn(code or CANNOT_PLAY, "nothing is played: " .. (text or why))
    return nil
  end
  local wanted = { "played" }
  for _, kind in ipairs(kinds or {}) do wanted[#wanted + 1] = kind end
  while true do
    local event = self:wait(wanted)
    if event.kind ~= "played" then
      self.core:stop()
      return event
    elseif event.op == op then
      if event.why == "failed" then
        self:warn(code or CANNOT_PLAY, source.problem(low, event.text))
      end
      return nil
    end
  end
end

---Plays a source to its end. Answers a ringing call.
---@param given string|table path or URL; { file | url | say | tone | digits | silence, loop }; a list
---@param options { loop: integer? }?
function Leg:play(given, options)
  self:ready()
  for _ = 1, options and options.loop or 1 do
    for _, item in ipairs(source.list(given)) do
      local low, code, message = source.prepare(self, item)
      self:check()
      if low then self:play_low(low) else self:warn(code, message) end
    end
  end
end

---Speaks a text.
---@param text string
---@param options { language: string?, voice: string?, loop: integer? }?
function Leg:say(text, options)
  options = options or {}
  self:play { say = text, language = options.language, voice = options.voice, loop = options.loop }
end

---Sends keys: 0-9 A-D # * w W.
---@param digits string
function Leg:send_digits(digits)
  self:play { digits = digits }
end

Leg.gather = require "moonline.gather"

---Hangs up and lets go.
function Leg:close()
  self:hangup()
  self.core:close()
end

Leg.__close = Leg.close

-- The headers of an INVITE by their lower-case names: read when somebody first asks for one, which
-- few calls do.
local Headers = {}

local function read_headers(headers)
  local lines = headers[Headers]
  headers[Headers] = nil
  setmetatable(headers, nil)
  for _, header in ipairs(sip.headers(lines)) do
    local name = header[1]:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. header[2] or header[2]
  end
  return headers
end

function Headers.__index(headers, name)
  return read_headers(headers)[name]
end

function Headers.__pairs(headers)
  return pairs(read_headers(headers))
end

local plain = memo(function(uri)
  return (uri:gsub("[;?].*$", ""))
end)

-- From of a call we place is known in full when its INVITE is built; until then: as it will most
-- likely be.
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
    sid = fields.sid or "CA" .. crypto.random_hex(16), direction = fields.direction,
    parent_sid = fields.parent_sid, jar = fields.jar,
    from = fields.from or own_from(env, info), to = fields.to or plain(info.request_uri),
    state = info.incoming and "ringing" or "calling",
    headers = setmetatable({ [Headers] = info.headers or "" }, Headers),
  }, Leg)
  self.id = self.sid
  self.log = log.call(self.sid)
  core:events(self.box)
  return self
end

leg.Leg = Leg

return leg

-- What scripts do with a leg beyond what verbs need: call others, connect, record, run TwiML. Adds to
-- moonline.leg.

local fields = require "moonline.fields"
local http = require "moonline.core.http"
local leg = require "moonline.leg"
local media = require "moonline.core.media"
local outcome = require "moonline.dial.outcome"
local plan = require "moonline.dial.plan"
local recording = require "moonline.recording"
local session = require "moonline.twiml.session"
local task = require "moonline.task"

local call = {}

local Leg = leg.Leg
local RING = 30 -- seconds, when a script does not say

-- "kate@host" and "sip:kate@host" alike; the user of `from` may stand alone.
local function dial_options(env, uri, options, box)
  if type(uri) ~= "string" then error("dial: a SIP URI expected", 3) end
  if not uri:match("^sips?:") then uri = "sip:" .. uri end
  local egress = plan.egress(env.config, options.region)
  local from = options.from and (options.from:match("^sips?:([^@]+)@") or options.from)
  return {
    uri = uri, from_user = from or "moonline", from_display = options.display,
    headers = fields.list(options.headers), username = options.username,
    password = options.password, bind = options.bind or egress.bind,
    proxy = options.proxy or egress.proxy, advertise = egress.advertise,
    advertise_media = egress.advertise_media, box = box,
  }
end

---Sends an INVITE and comes back at once: a leg in state "calling", with the events sent, ringing,
---answered, failed to be taken by leg:wait or await.
---@param env moonline.Env
---@param agent moonline.Agent of moonline.core.sip
---@param uri string
---@param options table
---@return moonline.Leg?, string? why, string? detail
function call.begin(env, agent, uri, options)
  local box = task.mailbox()
  local core, why, text = agent:dial(dial_options(env, uri, options, box))
  if not core then return nil, "failed", text or why end
  local plain = uri:gsub("[;?].*$", "")
  return leg.new(env, core, {
    direction = "outbound-api", box = box, to = plain, parent_sid = options.parent_sid,
  })
end

local function answered(own, event)
  own:sent()
  own.answer_headers = event.headers
  own.state, own.answered_at = "in-progress", task.clock()
  own:record_state()
end

---Waits until a leg of call.begin is answered.
---@param own moonline.Leg
---@param timeout number?
---@return moonline.Leg?, string? why "busy", "no-answer", "failed", "canceled"
---@return integer? status SIP code
function call.await(own, timeout)
  local limit = task.clock() + (timeout or RING)
  while true do
    local event = own.box:wait({ "sent", "ringing", "answered", "failed", "ended" },
      math.max(0, limit - task.clock()))
    if not event then
      own:hangup()
      return nil, "no-answer", 408
    elseif event.kind == "sent" then
      own.from = own.core:info().from
    elseif event.kind == "answered" then
      answered(own, event)
      return own
    elseif event.kind == "ringing" then
      own.state = "ringing"
      own:record_state()
    else
      own:over(event)
      local status, code = outcome.of(event, nil, own.env.config.dial.outcomes)
      return nil, status, code
    end
  end
end

---Places a call and waits for the answer.
---@param env moonline.Env
---@param agent moonline.Agent
---@param uri string
---@param options { from: string?, display: string?, timeout: number?, headers: table?, username: string?, password: string?, region: string? }?
---@return moonline.Leg?, string? why, integer|string|nil status
function call.place(env, agent, uri, options)
  options = options or {}
  local own, why, text = call.begin(env, agent, uri, options)
  if not own then return nil, why, text end
  local kept = false
  local _ <close> = task.closing(function()
    if not kept then own:close() end
  end)
  local taken, word, status = call.await(own, options.timeout)
  kept = taken ~= nil
  return taken, word, status
end

-- One party of a dial: called, and asked whether it takes the call.
local function attempt(self, uri, options, outcomes)
  local own, why, status = call.place(self.env, self.env.agent, uri, options)
  if not own then
    outcomes[#outcomes + 1] = { why, status }
    return nil
  end
  local taken = false
  local _ <close> = task.closing(function()
    if not taken then own:close() end
  end)
  if options.screen then
    local ok, value = task.catch(options.screen, own)
    if not ok and not (value.kind == "hangup" and value.leg == own) then task.unwind(value) end
    if not ok or not value then
      outcomes[#outcomes + 1] = { "declined" }
      return nil
    end
  end
  taken = true
  return own
end

---Calls others, all at once; the first that answers (and passes `screen`) gets the call. The caller
---hears ringing meanwhile. Hold the leg with <close>.
---@param given string|string[] one or several SIP URIs
---@param options { timeout: number?, from: string?, headers: table?, username: string?, password: string?, screen: (fun(leg: moonline.Leg): any)?, region: string? }?
---@return moonline.Leg? leg
---@return "busy"|"no-answer"|"failed"|"canceled"|"declined"|nil why
---@return integer|string|nil status
function Leg:dial(given, options)
  self:ready()
  options = setmetatable({ from = options and options.from or self.from, parent_sid = self.sid },
    { __index = options or {} })
  local outcomes, open = {}, 0
  local group <close> = task.group(self.box)
  self.core:play { tone = media.tone(self.env.config.dial.ring_tone, "ringback"), ms = 0 }
  local _ <close> = task.closing(function()
    if not self.ended then self.core:stop() end
  end)
  for _, uri in ipairs(type(given) == "table" and given or { given }) do
    group:spawn(attempt, self, uri, options, outcomes)
    open = open + 1
  end
  while open > 0 do
    local event = group:took(self:wait "task")
    open = open - 1
    if event.ok and event.values[1] then return event.values[1] end
  end
  local first = outcomes[1] or { "failed" }
  return nil, first[1], first[2]
end

-- Ends when the leg does.
local function stay(other)
  while true do other:wait "digit" end
end

---Connects two legs until one side hangs up.
---@param other moonline.Leg
---@return number seconds they were connected
---@return "hangup"|"peer" why this leg ended, or the other
function Leg:bridge(other)
  self:ready()
  local begun = task.clock()
  local ok, why = self.core:bridge(other.core)
  if not ok then error("bridge: " .. tostring(why), 2) end
  local group <close> = task.group(self.box)
  group:spawn(stay, other)
  local fine, value = task.catch(function()
    local event
    repeat event = self:wait { "task", "digit" } until event.kind == "task"
    group:took(event)
  end)
  if not self.ended then self.core:unbridge() end
  local own_end = fine or value.kind == "hangup" and value.leg == self
  if not own_end then return task.unwind(value) end
  return task.clock() - begun, fine and "peer" or "hangup"
end

---Records what this leg says. Its hangup ends it, and is no error. Hold the result with <close>.
---In the background the call goes on at once, and the recording lasts until its stop() or <close>.
---@param options { max: number?, silence: number?, keys: string?, trim: boolean?, background: boolean? }?
---@return { path: string, sid: string, url: string, duration: number, why: string, key: string? }? recording
---@return string? why
function Leg:record(options)
  self:ready()
  options = options or {}
  local one, why = recording.start(self, {
    trim = options.trim, max = options.max, silence = options.silence, keys = options.keys,
    box = not options.background and self.box or nil, source = "RecordVerb",
  })
  if not one or options.background then return one, why end
  local ok, value = task.catch(function() return self:wait "recorded" end)
  if not ok and not (value.kind == "hangup" and value.leg == self) then
    one:stop()
    return task.unwind(value)
  end
  local event = one:stop(ok and value or nil)
  return setmetatable({
    path = one.path, sid = one.sid, url = one.url, duration = event.duration,
    why = ok and event.why or "hangup", key = event.key,
  }, { __close = function() end })
end

---Runs TwiML on this leg: a document's text, or the URL of one. Returns when it fell off its end.
---@param what string
---@param options { method: string? }?
function Leg:run(what, options)
  self.jar = self.jar or http.jar()
  local own = session.new(self)
  if what:match("^https?://") then
    own:run(own:fetch(what, nil, options and options.method or "POST", "document"))
  else
    own:run(what)
  end
end

return call

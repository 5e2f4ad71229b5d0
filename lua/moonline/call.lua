-- What scripts do with a leg beyond what verbs need: call others, connect, record, run TwiML. Adds to
-- moonline.leg.

local fields = require "moonline.fields"
local fork = require "moonline.fork"
local http = require "moonline.core.http"
local leg = require "moonline.leg"
local live = require "moonline.live"
local media = require "moonline.core.media"
local known = require "moonline.options"
local outcome = require "moonline.dial.outcome"
local party = require "moonline.dial.party"
local plan = require "moonline.dial.plan"
local session = require "moonline.twiml.session"
local task = require "moonline.task"

local call = {}

local Leg = leg.Leg
for name, fn in pairs(require "moonline.room.call") do Leg[name] = fn end
local RING = 30 -- seconds, when a script does not say

local PLACING <const> = {
  "from", "display", "timeout", "headers", "username", "password", "region", "bind", "proxy",
}

---Checks the options of a call that a program places.
call.options = known.of("call", table.unpack(PLACING))

local DIAL <const> = known.of("dial", "screen", table.unpack(PLACING))
local RUN <const> = known.of("run", "method")

-- As whom a call is placed: the user of `from` may stand alone; a call in whose name it is (options.call)
-- lends its own identity.
local function caller_of(target, options)
  local from = options.from and (options.from:match("^sips?:([^@]+)@") or options.from)
  if options.call then return plan.caller(options.call, target, from) end
  local user = from or target.from or "moonline"
  return { user = user, headers = target.trunk and plan.asserted(target, user) or {} }
end

local function dial_options(env, target, options, box)
  local egress = plan.egress(env.config, options.region or target.region)
  local caller = caller_of(target, options)
  local headers = fields.list(options.headers)
  table.move(target.headers or {}, 1, #(target.headers or {}), #headers + 1, headers)
  table.move(caller.headers, 1, #caller.headers, #headers + 1, headers)
  return {
    uri = target.uri, hops = target.hops, from_user = caller.user, from_host = caller.host,
    from_display = options.display or target.trunk and caller.display or nil, headers = headers,
    username = options.username or target.username,
    password = options.password or target.password, bind = options.bind or egress.bind,
    proxy = options.proxy or egress.proxy, advertise = egress.advertise,
    advertise_media = egress.advertise_media, box = box,
  }
end

---Sends an INVITE and comes back at once: a leg in state "calling", with the events sent, ringing,
---answered, failed to be taken by leg:wait or await.
---@param env moonline.Env
---@param agent moonline.Agent of moonline.core.sip
---@param whom string|table a SIP URI, "client:alice", or a number for a trunk; or a target, as nouns of
---  Dial give it
---@param options table
---@return moonline.Leg?, string? why, string|integer|nil detail
function call.begin(env, agent, whom, options)
  local target, _, message = whom, nil, nil
  if type(whom) == "string" then target, _, message = party.of(env, whom) end
  if type(whom) ~= "string" and type(whom) ~= "table" then error("dial: a SIP URI expected", 3) end
  if not target then return nil, "failed", message end
  if target.refused then
    return nil, outcome.of({ kind = "failed", cause = "response", code = target.refused }, nil,
      env.config.dial.outcomes)
  end
  local box = task.mailbox()
  local core, why, text = fork.dial(agent, dial_options(env, target, options, box), target.contacts)
  if not core then return nil, "failed", text or why end
  local plain = target.to or target.uri:gsub("[;?].*$", "")
  return leg.new(env, core, {
    direction = "outbound-api", box = box, to = plain, parent_sid = options.parent_sid,
    sid = options.sid,
  })
end

local function answered(own, event)
  own.answer_headers = event.headers
  own.state, own.answered_at = "in-progress", task.clock()
  own:record_state()
end

local PROGRESS = { "sent", "ringing", "answered", "failed", "ended", "redirect" }

---Waits until a leg of call.begin is answered.
---@param own moonline.Leg
---@param timeout number?
---@param tell fun(event: "initiated"|"ringing"|"answered")? is told how it goes on
---@return moonline.Leg?, string? why "busy", "no-answer", "failed", "canceled"
---@return integer? status SIP code
function call.await(own, timeout, tell)
  local limit = task.clock() + (timeout or RING)
  local takeover -- a document that waits for the answer
  tell = tell or function() end
  while true do
    local event = fork.wait(own, PROGRESS, math.max(0, limit - task.clock()))
    if not event then
      own:hangup()
      return nil, "no-answer", 408
    elseif event.kind == "redirect" and event.hangup then
      own:hangup()
      return nil, "canceled", 487
    elseif event.kind == "redirect" then
      takeover = event
    elseif event.kind == "sent" then
      own:sent()
      tell "initiated"
    elseif event.kind == "answered" then
      answered(own, event)
      tell "answered"
      if takeover then own.box:post(takeover) end
      return own
    elseif event.kind == "ringing" then
      own.state = "ringing"
      own:record_state()
      tell "ringing"
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
---@param options { from: string?, display: string?, timeout: number?, headers: table?, username: string?, password: string?, region: string?, bind: string?, proxy: string? }?
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
  options = setmetatable({ call = self, parent_sid = self.sid }, { __index = DIAL(options) })
  self:ready()
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

-- Ends when the leg does, or is told to go its own way.
local function stay(other)
  local _, value = task.catch(function()
    while true do other:wait "digit" end
  end)
  if value.kind ~= "redirect" then return task.unwind(value) end
  live.move(other, value)
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

Leg.record = require "moonline.take"
Leg.refer = require("moonline.refer").refer

---Sends back what this leg says, until its end or `seconds`.
---@param seconds number?
function Leg:echo(seconds)
  self:ready()
  local ok, why = self.core:echo()
  if not ok then error("echo: " .. tostring(why), 2) end
  local _ <close> = task.closing(function()
    if not self.ended then self.core:unbridge() end
  end)
  local limit = seconds and task.clock() + seconds
  repeat
    local event = self:wait({ "digit" }, limit and math.max(0, limit - task.clock()))
  until not event
end

---Runs TwiML on this leg: a document's text, or the URL of one. Returns when it fell off its end.
---@param what string
---@param options { method: string? }?
function Leg:run(what, options)
  options = RUN(options)
  self.jar = self.jar or http.jar()
  local own = session.new(self)
  if what:match("^https?://") then
    own:run(own:fetch(what, nil, options.method or "POST", "document"))
  else
    own:run(what)
  end
end

return call

-- Dial: calls others, lets them ring, connects the one who takes it, and says how it went.

local media = require "moonline.core.media"
local outcome = require "moonline.dial.outcome"
local params = require "moonline.webhook.params"
local plan = require "moonline.dial.plan"
local record = require "moonline.dial.record"
local ring = require "moonline.dial.ring"
local task = require "moonline.task"

local dial = {}

local KINDS = {
  "dial", "task", "ended", "canceled", "failed", "lost", "digit", "redirect", "stop",
  "record", "transfer",
}

local Outcome <const> = { __name = "moonline.DialOutcome" }

local Dial = {}
Dial.__index = Dial
Dial.__name = "moonline.Dial"

-- ---- what the caller hears --------------------------------------------------------------------

function Dial:ringback()
  local silent = self.ringing or self.early or self.winner_ready
  if silent or self.call.state ~= "in-progress" then return end
  self.ringing = true
  local country = self.attrs.ringTone or self.config.dial.ring_tone
  self.call.core:play { tone = media.tone(country, "ringback"), ms = 0 }
end

function Dial:quiet()
  if self.ringing then self.call.core:stop() end
  self.ringing = false
end

-- The callee's early media, unless it is to be screened first (S14b).
function Dial:early_media(child)
  local unwanted = child.target.url or child.target.send_digits or self.early or #self.children > 1
  if unwanted or child.status then return false end
  if self.call.state == "ringing" and not self.call.core:ring(true) then return false end
  self:quiet()
  self.early = self.call.core:bridge(child.leg.core) or false
  if self.early then record.early(self, child) end
  return self.early
end

-- ---- events -----------------------------------------------------------------------------------

local on = {}

function on.ringing(self, event)
  if event.early and self:early_media(event.child) then return end
  if self.call.state == "ringing" then self.call.core:ring(false) else self:ringback() end
end

function on.answered(self, event)
  local child = event.child
  if self.winner then return ring.stop(child, "canceled") end
  self.winner = child
  self.timer:close()
  self.limit = task.timer(self.attrs.timeLimit, self.box, { kind = "dial", what = "limit" })
  for _, other in ipairs(self.children) do
    if other ~= child then ring.stop(other, "canceled") end
  end
  if child.target.url or child.target.send_digits then self:ringback() end
end

function on.ready(self, event)
  local child = event.child
  if child.status then return end -- it hung up meanwhile
  if self.call.ended or child.stopping then return ring.stop(child) end
  self.winner_ready = true
  self:quiet()
  if self.call.state == "ringing" then
    self.call:answer()
    if self.call.ended then return ring.stop(child) end
  end
  child.bridged = self.call.core:bridge(child.leg.core) or false
  record.at(self, "answer", child)
  self.env.notify { kind = "bridged", call = self.call.sid, child = child.sid }
end

function on.over(self, event)
  self.open = self.open - 1
  self.last = event.child
  if event.child == self.winner then
    self:quiet()
    self.call.core:unbridge()
  end
end

function on.timeout(self)
  for _, child in ipairs(self.children) do
    if child ~= self.winner then ring.stop(child, "no-answer") end
  end
end

function on.limit(self)
  ring.stop(self.winner)
end

function Dial:stop_all()
  for _, child in ipairs(self.children) do ring.stop(child, "canceled") end
end

function Dial:on_event(event)
  if event.kind == "dial" then
    on[event.what](self, event)
  elseif event.kind == "task" then
    self.group:took(event) -- an error in a child's task is the Dial's
  elseif event.kind == "digit" then
    self.call:fire("dtmf", event.digit)
    self.env.notify { kind = "digit", call = self.call.sid, digit = event.digit }
    local star = event.digit == "*" and self.attrs.hangupOnStar
    if star and self.winner then ring.stop(self.winner) end
  elseif event.kind == "redirect" or event.kind == "stop" then
    self.interrupt = event
    self:stop_all()
  elseif event.kind == "record" then
    self.call:take_order(event)
  elseif event.kind == "transfer" then
    self.call:tell_transfer(event)
  else
    self.call:over(event)
    self:stop_all()
  end
end

-- ---- the course of it -------------------------------------------------------------------------

-- Calls these targets at once and sees them all to their end.
function Dial:round(targets)
  self.winner, self.children, self.open, self.early = nil, {}, #targets, false
  self.timer = task.timer(self.attrs.timeout, self.box, { kind = "dial", what = "timeout" })
  for i, target in ipairs(targets) do self.children[i] = ring.start(self, target) end
  while self.open > 0 do self:on_event(self.box:wait(KINDS)) end
  self.timer:close()
  if self.limit then self.limit:close() end
  self.box:drop("dial")
  return self.winner or self.last
end

---What a noun that connects the caller by itself (a conference, a queue) says of how it went.
---@class moonline.DialOutcome
---@field status string DialCallStatus
---@field params string[][] more for the action request

-- The caller's end, or what comes from outside, ends what the noun does.
function Dial:connect(node)
  local own = setmetatable({ status = "failed", params = {} }, Outcome)
  local ok, value = task.catch(node.verb.connect, self, node, own)
  if ok then return own end
  if value.kind == "redirect" or value.kind == "stop" then
    self.interrupt = value
  elseif value.kind ~= "hangup" or value.leg ~= self.call then
    return task.unwind(value)
  end
  return own
end

-- The one child whose end is the Dial's.
function Dial:run()
  if self.node.fault then return nil end
  local only = self.node.children[1]
  if only and only.verb.connect and not only.fault then return self:connect(only) end
  local targets = plan.targets(self.session, self.node)
  if #targets == 0 then return nil end
  if not self.attrs.answerOnBridge then self.call:ready() end
  record.at(self, "ringing")
  local group <close> = task.group(self.box)
  self.group = group
  if not self.attrs.sequential then return self:round(targets) end
  local child
  for _, target in ipairs(targets) do
    child = self:round { target }
    if child.answered or self.call.ended or self.interrupt then break end
  end
  return child
end

local function flag(value)
  return value and "true" or "false"
end

function Dial:result(child)
  local list = { { "DialCallStatus", child and child.status or "failed" } }
  if child and child.params then
    for _, pair in ipairs(child.params) do list[#list + 1] = pair end
    record.add_params(self, list)
    return list
  end
  if not (child and child.leg) then -- no INVITE was built
    list[#list + 1] = { "DialCallDuration", 0 }
    list[#list + 1] = { "DialBridged", "false" }
    return list
  end
  list[#list + 1] = { "DialCallSid", child.sid }
  if not child.leg.moved then -- its talk goes on elsewhere
    list[#list + 1] = { "DialCallDuration", child.duration or 0 }
  end
  list[#list + 1] = { "DialBridged", flag(child.bridged) }
  record.add_params(self, list)
  local call_id = child.leg and child.leg.call_id
  if call_id then list[#list + 1] = { "DialSipCallId", call_id } end
  if child.code then list[#list + 1] = { "DialSipResponseCode", child.code } end
  local known = {}
  params.add_headers(list, "DialSipHeader_", child.headers, known)
  params.add_headers(list, "DialSipHeader_", child.bye_headers, known)
  return list
end

-- The request to action: its document takes over, unless the caller is gone.
function Dial:finish(child)
  local call, action = self.call, self.attrs.action
  if self.interrupt then return task.unwind(self.interrupt) end
  if call.state == "ringing" and not (child and child.bridged) then
    self.session.refusal = outcome.refusal(child and child.code)
  end
  if action and call.ended then
    self.session:post(action, self:result(child), self.attrs.method, "action")
  elseif action then
    return self.session:fetch(action, self:result(child), self.attrs.method, "action")
  end
  call:check()
end

---Runs a Dial node.
---@param session moonline.Session
---@param node moonline.Node
---@return moonline.Document?
function dial.run(session, node)
  local call = session.call
  local self = setmetatable({
    session = session, node = node, attrs = node.attrs, call = call, env = call.env,
    config = session.config, box = call.box, caller_id = node.attrs.callerId, children = {},
  }, Dial)
  local child = self:run()
  self:quiet()
  record.finish(self)
  self.env.notify { kind = "dialled", call = call.sid, child = child and child.sid,
    status = child and child.status or "failed", code = child and child.code,
    action = self.attrs.action ~= nil and not self.interrupt }
  return self:finish(child)
end

return dial

-- One party with several phones: they ring at once, and until one answers they are one leg. Stands in
-- the place of a leg of moonline.core.sip; the phone that answers takes that place.

local task = require "moonline.core.task"
local trace = require "moonline.trace"

---@class moonline.Fork
---@field legs moonline.CoreLeg[] that still ring
local Fork = {}
Fork.__index = Fork
Fork.__name = "moonline.Fork"

local fork = {}

---Of the phone that was dialled first.
function Fork:info()
  return (self.legs[1] or self.last):info()
end

function Fork:hangup(headers)
  for _, one in ipairs(self.legs) do one:hangup(headers) end
end

function Fork:close()
  for _, one in ipairs(self.legs) do one:close() end
  if self.last then self.last:close() end
end

-- Each leg was dialled with the mailbox.
function Fork.events() end

-- How good a reason to give: who declines does so for all his phones, busy says more than silence.
local function rank(event)
  local code = event.code or 0
  if code >= 600 then return 4 end
  if code == 486 then return 3 end
  return code >= 300 and 2 or 1
end

-- Ends all but one phone; what they still had to say is not heard.
function Fork:choose(own, winner)
  for _, one in ipairs(self.legs) do
    if one ~= winner then one:close() end
  end
  if self.last and self.last ~= winner then self.last:close() end
  local kept = {}
  repeat
    local event = own.box:wait(nil, 0)
    if event and (not event.leg or event.leg == winner) then kept[#kept + 1] = event end
  until not event
  for _, event in ipairs(kept) do own.box:post(event) end
  own.core, own.call_id = winner, winner:info().call_id
end

-- One phone is out: its event when it decides for all, or was the last.
function Fork:lost(own, event)
  for i, one in ipairs(self.legs) do
    if one == event.leg then table.remove(self.legs, i) end
  end
  if not self.best or rank(event) > rank(self.best) then
    if self.last then self.last:close() end
    self.best, self.last = event, event.leg
  else
    event.leg:close()
  end
  if rank(event) < 4 and #self.legs > 0 then return nil end
  self:choose(own, self.last)
  return self.best
end

-- What an event of one phone means for all of them; nil: nothing yet.
function Fork:take(own, event)
  if event.kind == "answered" then
    self:choose(own, event.leg)
  elseif event.kind == "failed" or event.kind == "ended" then
    return self:lost(own, event)
  elseif event.kind == "sent" then
    trace.dialog(own, event.leg:info().call_id)
    if self.sent then return nil end
    self.sent = true
  elseif event.kind == "ringing" then
    event.early = nil -- whose would be heard?
  end
  return event
end

---The next event of a leg that may still be several.
---@param own moonline.Leg
---@param kinds string[]
---@param timeout number?
---@return moonline.Event?
function fork.wait(own, kinds, timeout)
  local limit = timeout and task.clock() + timeout
  while true do
    local event = own.box:wait(kinds, limit and math.max(0, limit - task.clock()))
    if not event or getmetatable(own.core) ~= Fork then return event end
    event = own.core:take(own, event)
    if event then return event end
  end
end

---Dials a target: one leg, or all phones of a registered user.
---@param agent moonline.Agent
---@param options table for Agent:dial
---@param phones { uri: string, flow: string }[]?
---@return moonline.CoreLeg|moonline.Fork|nil, string? why, string? text
function fork.dial(agent, options, phones)
  if not phones then return agent:dial(options) end
  local legs, why, text = {}, nil, nil
  for _, phone in ipairs(phones) do
    options.uri, options.flow = phone.uri, phone.flow
    legs[#legs + 1], why, text = agent:dial(options)
  end
  if #legs < 2 then return legs[1], why, text end
  return setmetatable({ legs = legs }, Fork)
end

return fork

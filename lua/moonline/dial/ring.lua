-- Calls one target and sees it through: rings, screens, stays with it until it is over. A task of its
-- own; tells the Dial by events { kind = "dial", what = ..., child = ... } in the Dial's mailbox, and
-- is told by { kind = "stop", why = ... } in its own.

local crypto = require "moonline.core.crypto"
local fork = require "moonline.fork"
local guard = require "moonline.core.guard"
local leg = require "moonline.leg"
local live = require "moonline.live"
local outcome = require "moonline.dial.outcome"
local plan = require "moonline.dial.plan"
local record = require "moonline.dial.record"
local redirect = require "moonline.dial.redirect"
local screen = require "moonline.dial.screen"
local status = require "moonline.webhook.status"
local stream = require "moonline.stream"
local task = require "moonline.task"

local ring = {}

local GOODBYE = 3 -- seconds: the answer to a CANCEL or BYE comes within, or does not matter any more

---One party that a Dial calls.
---@class moonline.Child
---@field sid string
---@field leg moonline.Leg?
---@field status string? its DialCallStatus, once it is over
---@field code integer?
---@field bridged boolean
---@field headers string? lines of the final response to the INVITE
---@field bye_headers string? lines
---@field moved integer? the 3xx that led to the target of now
---@field stopping string? it was told to end: its DialCallStatus if it is not answered

local function tell(child, what, fields)
  local event = fields or {}
  event.kind, event.what, event.child = "dial", what, child
  child.dial.box:post(event)
end

-- Did an INVITE leave? Over a stream that could not be opened none did.
local function was_sent(child, event)
  if not child.sent then return false end
  return event.cause ~= "network" or child.leg.core:info().transport == "udp"
end

-- The final word on a child: recorded, told to the application and to the Dial.
local function finish(child, event)
  local own = child.leg
  child.status, child.code = outcome.of(event, child.stopped, child.dial.config.dial.outcomes,
    was_sent(child, event))
  if child.screened == "failed" then child.status = "failed" end
  if event.kind == "ended" then
    child.bye_headers = event.headers
  else
    child.headers = event.headers
  end
  if child.answer_code then child.code = child.answer_code end
  child.duration = own and own:duration() or 0
  if own then
    own.final_status = child.status
    live.count(own)
    record.with(child.dial, child)
    child.events:tell("completed",
      { status = child.status, duration = child.duration, code = child.code })
    own:forget()
  end
  tell(child, "over")
end

-- Waits for the end of a leg that was told to end.
local function await_end(child)
  local own = child.leg
  local event = own.box:wait({ "ended", "failed", "canceled" }, GOODBYE)
  own.state, own.ended_at = "ended", own.ended_at or task.clock()
  own.ended = event or own.ended
    or { kind = child.answered and "ended" or "failed", cause = "local" }
  if own.ended.kind == "canceled" then own.ended.kind = "failed" end
  return own.ended
end

local function place(child)
  local dial = child.dial
  local box = task.mailbox()
  local options = plan.options(dial.call, child.target,
    { caller_id = dial.caller_id, sid = child.sid })
  options.box = box
  local core, why, text = fork.dial(dial.env.agent, options, child.target.contacts)
  if not core then
    dial.session:warn(13243, ("%s: %s"):format(child.target.uri, text or why))
    return nil
  end
  local own = leg.new(dial.env, core, {
    direction = "outbound-dial", sid = child.sid, parent_sid = dial.call.sid, box = box,
    to = child.target.to or child.target.uri:gsub("[;?].*$", ""), jar = dial.call.jar,
  })
  child.leg = own
  own:record_state { parent = dial.call.sid, direction = "outbound-dial", from = own.from,
    to = own.to, start = task.time() }
  return own
end

local PROGRESS = { "sent", "ringing", "answered", "failed", "ended", "stop", "redirect" }

-- Everything up to the answer. Returns the event that decided: answered, failed, stop. A document
-- that is to take the call over waits for the answer.
local function progress(child)
  local own = child.leg
  while true do
    local event = fork.wait(own, PROGRESS)
    if event.kind == "sent" then
      child.sent = true
      own:sent()
      child.events:tell("initiated")
    elseif event.kind == "ringing" then
      if own.state == "calling" then
        own.state = "ringing"
        own:record_state()
        child.events:tell("ringing")
      end
      tell(child, "ringing", { early = event.early })
    elseif event.kind == "redirect" and not event.hangup then
      child.takeover = event
    elseif event.kind == "redirect" then
      return { kind = "stop", why = "canceled" }
    else
      child.events:tell("initiated") -- also of what failed before an INVITE was sent
      return event
    end
  end
end

local function answered(child, event)
  local own = child.leg
  child.answered, child.answer_code = true, event.code
  child.headers, own.answer_headers = event.headers, event.headers
  own.state, own.answered_at = "in-progress", task.clock()
  own:record_state()
  child.events:tell("answered")
  tell(child, "answered")
end

-- The party leaves the Dial for documents of its own: for the Dial it is over.
local function leave(child, event)
  live.move(child.leg, event, child.events)
  child.status, child.code = "completed", child.answer_code
  tell(child, "over")
end

-- From the 200 to the end: the event that ended it, nil when it left the Dial alive.
local function talk(child)
  local own = child.leg
  local ok, value = task.catch(function()
    if child.takeover then task.unwind(child.takeover) end
    if child.target.send_digits then own:send_digits(child.target.send_digits) end
    if child.target.url then
      child.screened = screen.run(child.dial.session, own, child.target)
      if child.screened ~= "bridge" then
        own:hangup()
        return
      end
    end
    tell(child, "ready")
    while true do own:wait "digit" end
  end)
  if ok or value.kind == "hangup" then
    local by_peer = own.ended and own.ended.kind == "ended" and own.ended.cause ~= "local"
    return by_peer and own.ended or await_end(child)
  elseif value.kind == "redirect" and not value.hangup then
    return leave(child, value)
  elseif value.kind == "stop" or value.kind == "redirect" then
    own.core:hangup()
    own.ended_at = task.clock()
    return await_end(child)
  end
  own:hangup()
  return task.unwind(value)
end

-- 3xx: the best address that was not tried yet; nil when there is none, or enough were followed.
local function redirected(child, event)
  if event.cause ~= "response" or event.code < 300 or event.code > 399 then return nil end
  local dial = child.dial
  local most = dial.config.dial.follow
  for _, target in ipairs(redirect.targets(event.headers)) do
    if not child.tried[target] then
      if child.follows < most then return target end
      dial.session:warn(32219, ("more than %d redirects of a dialled call"):format(most))
      return nil
    end
  end
  dial.session:warn(32219, "a redirect of a dialled call leads nowhere new")
  return nil
end

local function call(child)
  local refused = child.target.refused
  if refused then
    return finish(child, { kind = "failed", cause = "response", code = refused })
  end
  local own = not child.stopping and place(child)
  if not own then
    child.stopped = child.stopping
    return finish(child, { kind = "failed", cause = "local", code = child.moved })
  end
  if not child.events then
    child.events = status.of(own, {
      url = child.target.status_callback, method = child.target.status_callback_method,
      events = child.target.status_callback_event, base = child.dial.session.base,
      warn = function(...) child.dial.session:warn(...) end,
    })
  end
  local event = progress(child)
  if event.kind == "stop" then
    child.stopped = event.why
    own.core:hangup()
    return finish(child, await_end(child))
  elseif event.kind == "answered" then
    answered(child, event)
    local ending = talk(child)
    return ending and finish(child, ending)
  end
  local target = event.kind == "failed" and redirected(child, event)
  if target then
    child.tried[target], child.follows, child.moved = true, child.follows + 1, event.code
    child.target = redirect.to(child.target, target)
    own.listener:close() -- the next leg hears what is told under this sid
    own.core:close()
    return call(child)
  end
  own.ended, own.state = event, "ended"
  return finish(child, event)
end

-- An error on the way (in a verb of the screening): the child has failed, the Dial goes on.
local function broke(child, problem)
  local own = child.leg
  local message = tostring(problem):match("^[^\n]*")
  local party = own or child.dial.call
  party.log:error("%s", problem)
  party:warn(12400, message)
  if own then own.core:hangup() end
  child.screened = "failed"
  finish(child, own and await_end(child) or { kind = "failed", cause = "local", code = 0 })
end

---Begins to call target; its events go to dial.box.
---@param dial table the Dial that calls: session, call, env, config, box, group, caller_id
---@param target table what a noun's target gave
---@return moonline.Child
function ring.start(dial, target)
  local child = {
    dial = dial, target = target, sid = "CA" .. crypto.random_hex(16), bridged = false,
    tried = { [target.uri] = true }, follows = 0,
  }
  child.task = dial.group:spawn(function()
    local _ <close> = task.closing(function()
      if not child.leg or child.leg.moved then return end
      stream.stop_all(child.leg)
      child.leg.core:close()
    end)
    local ok, problem = guard.root(call, child)
    if not ok then broke(child, problem) end
  end)
  return child
end

---Ends a child whatever it is at; "over" follows.
---@param child moonline.Child
---@param why string? its DialCallStatus when it was not answered yet: "no-answer", "canceled"
function ring.stop(child, why)
  if child.status or child.stopping then return end
  child.stopping = why or "canceled"
  if child.leg then child.leg.box:post { kind = "stop", why = child.stopping } end
end

return ring

-- Calls that are placed from outside (REST): rung, and when they are answered, given to a document.

local call = require "moonline.call"
local crypto = require "moonline.core.crypto"
local live = require "moonline.live"
local party = require "moonline.dial.party"
local plan = require "moonline.dial.plan"
local recording = require "moonline.recording"
local session = require "moonline.twiml.session"
local status = require "moonline.webhook.status"
local task = require "moonline.task"
local uri = require "moonline.dial.uri"

local outbound = {}

local RING, SLACK = 60, 5 -- seconds it rings, and how much longer, as TwiML's API has it

---What a call is to do. All but `to` and one of url, twiml, script and run may be left out.
---@class moonline.CallOrder
---@field to string SIP URI, as the text of a Sip noun; "client:alice"; or a number for a trunk
---@field from string? user part
---@field url string? asked for a document when the call is answered
---@field method string?
---@field twiml string? the document itself
---@field script moonline.Script?
---@field run (fun(session: moonline.Session))? what it does besides documents
---@field over fun()? is called when the call is over, answered or not
---@field fallback_url string?
---@field fallback_method string?
---@field status_callback string?
---@field status_callback_method string?
---@field status_callback_event string[]?
---@field timeout number? seconds it rings
---@field time_limit number? seconds it talks
---@field send_digits string? pressed when it is answered
---@field record moonline.RecordingOptions?
---@field username string?
---@field password string?
---@field unsupported string? the name of what was asked for and cannot be done

local function record(own, wanted)
  local one, why = recording.start(own, wanted)
  if one then
    own.recording = one
    return one
  end
  own:warn(13617, "the call is not recorded: " .. why)
  return nil
end

local function talk(env, own, order)
  local limit = order.time_limit and task.after(order.time_limit, function()
    env.calls:tell(own.sid, { kind = "redirect", hangup = true })
  end)
  local one = order.record and record(own, order.record)
  local _ <close> = task.closing(function()
    own:hangup()
    if limit then limit:cancel() end
    if one then one:stop() end
  end)
  local route = { fallback_url = order.fallback_url, fallback_method = order.fallback_method }
  local documents = session.new(own, { route = route })
  local redirect = own.box:wait({ "redirect" }, 0) -- while it rang: it goes there at once
  if redirect then
    return documents:guard(function() task.unwind(redirect) end)
  end
  if order.script then
    return documents:guard(function()
      if order.send_digits then own:send_digits(order.send_digits) end
      order.script.call(own)
      documents:finish()
    end)
  end
  if order.run then
    return documents:guard(function()
      order.run(documents)
      documents:finish()
    end)
  end
  documents:execute(function()
    if order.send_digits then own:send_digits(order.send_digits) end
    return order.twiml or documents:fetch(order.url, nil, order.method or "POST", "voice")
  end)
end

local function run(env, own, order, held)
  local _ <close> = held
  local _ <close> = task.closing(order.over or function() end)
  local events = status.of(own, {
    url = order.status_callback, method = order.status_callback_method,
    events = order.status_callback_event, warn = function(...) own:warn(...) end,
  })
  local _ <close> = live.hold(own, events)
  local taken, why, code = call.await(own, (order.timeout or RING) + SLACK,
    function(event) events:tell(event) end)
  if taken then return live.run(own, talk, env, own, order) end
  own.final_status, own.final_code = why, code
end

local function target_of(env, to)
  if not party.is_address(to) then return party.of(env, to) end
  return uri.parse(to, { regions = env.config.sip.regions })
end

---Places a call and comes back at once. It goes on by itself, as those that come in do.
---@param env moonline.Env
---@param order moonline.CallOrder
---@return string? sid
---@return integer? code Twilio's, when it cannot be placed
---@return string? message
function outbound.place(env, order)
  local target, code, message = target_of(env, order.to)
  if not target or target.refused then return nil, code, message end
  local sid = "CA" .. crypto.random_hex(16)
  local own, why, text = call.begin(env, env.agent, target, {
    sid = sid, from = order.from, headers = plan.account_headers(env.config, sid),
    username = order.username, password = order.password,
  })
  if not own then return nil, 21211, ("To=%s: %s"):format(order.to, text or why) end
  for _, warning in ipairs(target.warnings or {}) do own:warn(warning.code, warning.message) end
  if order.unsupported then
    own:warn(21600, order.unsupported .. " is not supported: nobody listens for a machine")
  end
  env.notify { kind = "call", call = own.sid, from = own.from, to = own.to }
  own:record_state { direction = "outbound-api", from = own.from, to = own.to, start = task.time() }
  task.spawn(run, env, own, order, env.work:hold()):name("call " .. own.sid)
  return own.sid
end

return outbound

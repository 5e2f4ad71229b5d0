-- An incoming call from its INVITE to its end: which entry of the configuration takes it, and what
-- that entry runs.

local http = require "moonline.core.http"
local identity = require "moonline.identity"
local leg = require "moonline.leg"
local live = require "moonline.live"
local memo = require "moonline.memo"
local params = require "moonline.webhook.params"
local session = require "moonline.twiml.session"
local status = require "moonline.webhook.status"
local task = require "moonline.task"

local inbound = {}

local function takes_calls(route)
  return route and (route.url or route.script or route.twiml) and route
end

-- "sip:line@example.com:5060" -> { "line@example.com", "line" }; empty without a user.
local names_of = memo(function(to)
  local user, host = to:match("^sips?:([^@]*)@(%[[^%]]*%])")
  if not user then user, host = to:match("^sips?:([^@]*)@([^:;?]*)") end
  return user and { user .. "@" .. host, user } or {}
end)

---The entry that takes calls to this address: user@host, the user alone, else voice.
---@param config table
---@param to string sip:user@host[:port]
---@return table? route
function inbound.route(config, to)
  local names, numbers = names_of(to), config.numbers
  return takes_calls(names[1] and (numbers[names[1]] or numbers[names[2]]))
    or takes_calls(config.voice)
end

local function run_script(env, call, route)
  local script = env.scripts[route.script]
  local own = session.new(call, { route = route })
  own:guard(function()
    script.call(call)
    own:finish()
  end)
end

local function run_document(env, call, route)
  local own = session.new(call, { route = route })
  own:execute(function()
    if route.twiml then return env.documents[route.twiml] end
    return own:fetch(route.url, params.incoming(call), route.method or "POST", "voice")
  end)
end

---Runs a call to its end.
---@param env moonline.Env
---@param core moonline.CoreLeg
function inbound.run(env, core)
  local _ <close> = env.work:hold()
  local call = leg.new(env, core, { direction = "inbound", jar = http.jar() })
  identity.settle(call)
  local route = inbound.route(env.config, call.to)
  if not route then
    call.log:info("nothing in the configuration takes calls to %s", call.to)
    call:reject(404)
    return core:close()
  end
  local events = status.of(call, {
    url = route.status_callback, method = route.status_callback_method,
    warn = function(...) call:warn(...) end,
  })
  local _ <close> = live.hold(call, events)
  env.notify { kind = "call", call = call.sid, from = call.from, to = call.to }
  call:record_state { direction = "inbound", from = call.from, to = call.to, start = task.time() }
  env.records:commit() -- before it is answered
  call.log:info("call from %s to %s", call.from, call.to)
  core:ring(false)
  live.run(call, route.script and run_script or run_document, env, call, route)
end

return inbound

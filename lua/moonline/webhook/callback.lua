-- Callbacks that nobody waits for: events of calls, recordings, conferences. They go through the
-- outbox of the house: each is on disk before it is sent, and there until the application has it.

local crypto = require "moonline.core.crypto"
local log = require "moonline.log"
local record = require "moonline.record"
local request = require "moonline.webhook.request"
local task = require "moonline.task"
local url = require "moonline.webhook.url"

local callback = {}

-- Those that were pushed here and not sent yet, by number: with the call's cookies, and the parameters
-- as a list. Another generation, or this one when it tries again, has what the outbox gives.
local fresh = {}
-- The cookies of those that failed a few times only.
local jars = {}
local LAST_JAR = 5 -- tries, half a minute: what waits longer shall not lie in memory

-- What went wrong the first time is a notification of the call; what goes wrong again is of no news.
local function warn(env, sent, code, message)
  message = "callback not delivered: " .. message
  local level = sent.attempts == 0 and "warning" or "debug"
  local lines = log.call(sent.call)
  lines[level](lines, "%d %s", code, message)
  if sent.attempts > 0 then return end
  env.notify { kind = "warning", call = sent.call, code = code, text = message }
  record.notification(env, sent.call, code, message,
    { url = url.public(sent.url), method = sent.method })
end

local function attempt(env, hook, fetch)
  local target = url.public(hook.url)
  env.notify({
    kind = "webhook", what = hook.what, call = hook.call, url = target, method = hook.method,
    params = hook.params, is_callback = true,
  }, hook.form)
  local response, code, message = fetch(env, hook, function(...) warn(env, hook, ...) end)
  if response and response.status // 100 == 2 then return true end
  warn(env, hook, code or 11200, message or ("%s answered %d"):format(target, response.status))
  return false
end

-- The one that is being sent.
local function take(env, call, id, attempts)
  local hook, jar = fresh[id], jars[id]
  fresh[id], jars[id] = nil, nil
  if not hook then
    hook = env.records:sending(call, id)
    hook.params, hook.jar = url.parse_form(hook.form), jar
  end
  hook.call, hook.attempts = call, attempts
  return hook
end

---This state sends what is in the outbox: its own callbacks, and those that no other is there for.
---@param env moonline.Env
---@param fetch function? in place of request.fetch, for the bench
function callback.serve(env, fetch)
  env.records:serve(function(call, id, attempts)
    local delivered = false
    local _ <close> = env.work:hold()
    local _ <close> = task.closing(function() env.records:done(call, id, delivered) end)
    local hook = take(env, call, id, attempts)
    delivered = attempt(env, hook, fetch or request.fetch)
    if not delivered and attempts < LAST_JAR then jars[id] = hook.jar end
  end)
end

---Sends a callback, after those before it with the same `order`. Returns at once.
---@param env moonline.Env
---@param order string sid of the call, or of what else the events are of
---@param hook moonline.Webhook with what, and token when it may be pushed twice; it is kept
function callback.push(env, order, hook)
  hook.form = url.form(hook.params)
  hook.token = hook.token or crypto.random_hex(16)
  fresh[env.records:push(order, hook.url, hook.method, hook.form, hook.what, hook.token)] = hook
end

---@class moonline.Callbacks
local Callbacks = {}
Callbacks.__index = Callbacks

---@param hook moonline.Webhook
function Callbacks:push(hook)
  callback.push(self.env, self.order, hook)
end

---The callbacks of one call.
---@param env moonline.Env
---@param sid string
---@return moonline.Callbacks
function callback.queue(env, sid)
  return setmetatable({ env = env, order = sid }, Callbacks)
end

---The absolute URL of a callback; nil and why it is refused: not resolvable, or a host with an
---underscore.
---@param reference string
---@param base string?
---@return string?, string? why
function callback.url(reference, base)
  local absolute = url.resolve(reference, base)
  local parts = absolute and url.parse(absolute)
  if not parts then
    return nil, reference .. ": not a URL, and no document to resolve it against"
  end
  if parts.host:find("_", 1, true) then
    return nil, parts.host .. ": a host name has no underscore"
  end
  return absolute
end

return callback

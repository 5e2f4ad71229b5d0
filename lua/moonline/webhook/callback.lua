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

local function attempt(env, sent)
  local hook = fresh[sent.id] or { url = sent.url, method = sent.method, what = sent.what,
    form = sent.form, params = url.parse_form(sent.form) }
  fresh[sent.id] = nil
  hook.token = sent.token
  local target = url.public(hook.url)
  env.notify({
    kind = "webhook", what = hook.what, call = sent.call, url = target, method = hook.method,
    params = hook.params, is_callback = true,
  }, hook.form)
  local response, code, message =
    request.fetch(env, hook, function(...) warn(env, sent, ...) end)
  if response and response.status // 100 == 2 then return true end
  warn(env, sent, code or 11200, message or ("%s answered %d"):format(target, response.status))
  return false
end

---This state sends what is in the outbox: its own callbacks, and those that no other is there for.
---@param env moonline.Env
function callback.serve(env)
  env.records:serve(function(sent)
    local delivered = false
    local _ <close> = env.work:hold()
    local _ <close> = task.closing(function()
      env.records:done(sent.call, sent.id, delivered)
    end)
    delivered = attempt(env, sent)
  end)
end

---Sends a callback, after those before it with the same `order`. Returns at once.
---@param env moonline.Env
---@param order string sid of the call, or of what else the events are of
---@param hook moonline.Webhook with what, and token when it may be pushed twice
function callback.push(env, order, hook)
  hook.form = url.form(hook.params)
  local id = env.records:push {
    call = order, url = hook.url, method = hook.method, params = hook.form, what = hook.what,
    token = hook.token or crypto.random_hex(16),
  }
  fresh[id] = hook
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

-- Callbacks that nobody waits for: status and recording events of a call, sent in their order.

local log = require "moonline.log"
local request = require "moonline.webhook.request"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

---A queue of callbacks of one call, each sent when the one before was answered.
---@class moonline.Callbacks
local Callbacks = {}
Callbacks.__index = Callbacks
Callbacks.__name = "moonline.Callbacks"

local callback = {}

-- The leg may be gone by now: only its sid is needed.
local function warn(self, code, message)
  message = "callback not delivered: " .. message
  log.call(self.sid):warning("%d %s", code, message)
  self.env.notify { kind = "warning", call = self.sid, code = code, text = message }
end

local function send(self, hook)
  local target = url.public(hook.url)
  self.env.notify {
    kind = "webhook", what = hook.what, call = self.sid, url = target, method = hook.method,
    params = hook.params,
  }
  local response, code, message = request.fetch(self.env, hook, function(...) warn(self, ...) end)
  if not response then
    warn(self, code, message)
  elseif response.status >= 300 then
    warn(self, 11200, ("%s answered %d"):format(target, response.status))
  end
end

local function drain(self, held)
  local _ <close> = held
  while #self.queue > 0 do send(self, table.remove(self.queue, 1)) end
  self.running = false
end

---@param hook moonline.Webhook
function Callbacks:push(hook)
  self.queue[#self.queue + 1] = hook
  if self.running then return end
  self.running = true
  task.spawn(drain, self, self.env.work:hold()):name("callbacks of " .. self.sid)
end

---@param env table
---@param sid string
---@return moonline.Callbacks
function callback.queue(env, sid)
  return setmetatable({ env = env, sid = sid, queue = {}, running = false }, Callbacks)
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

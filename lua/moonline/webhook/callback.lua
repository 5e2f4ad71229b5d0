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

local function send(self, hook)
  self.env.notify {
    kind = "webhook", what = hook.what, call = self.sid, url = hook.url, method = hook.method,
    params = hook.params,
  }
  local response, code, message = request.fetch(self.env, hook)
  if not response then
    log.call(self.sid):warning("%d callback not delivered: %s", code, message)
  elseif response.status >= 400 then
    log.call(self.sid):warning("11200 callback not delivered: %s answered %d", hook.url,
      response.status)
  end
end

local function drain(self)
  while #self.queue > 0 do send(self, table.remove(self.queue, 1)) end
  self.running = false
end

---@param hook moonline.Webhook
function Callbacks:push(hook)
  self.queue[#self.queue + 1] = hook
  if self.running then return end
  self.running = true
  task.spawn(drain, self):name("callbacks of " .. self.sid)
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

-- Where a server listens: its SIP transports and its HTTP port.

local http = require "moonline.core.http"
local runtime = require "moonline.runtime"

local listen = {}

---Opens http.listen, unless it is off.
---@param self moonline.Server
---@param config table
---@return boolean?, string? why
function listen.http(self, config)
  local host, port = config.http.listen:match("^(.*):(%d+)$")
  if not host then return true end -- off
  local bare = host:match("^%[(.*)%]$") or host
  local listener, why, text = http.server { address = bare, port = tonumber(port) }
  if not listener then
    return nil, ("http.listen %s: %s"):format(config.http.listen, text or why)
  end
  listener:events(self.box)
  self.http = listener
  self.http_address = ("%s:%d"):format(host, listener:port())
  self.env.public_url = config.http.public_url or "http://" .. self.http_address
  self.env.client:refuse_own(bare, listener:port())
  return true
end

---Opens sip.listen.
---@param self moonline.Server
---@param config table
---@return boolean?, string? why
function listen.sip(self, config)
  local agent, why = runtime.agent(self.env, {
    listen = config.sip.listen, advertise = config.sip.advertise, allow = config.sip.allow,
    users = config.sip.users, max_calls = config.limits.calls,
  })
  if not agent then return nil, why end
  self.env.agent, self.addresses = agent, agent:addresses()
  for _, one in ipairs(self.addresses) do -- no document may have us talk HTTP to ourselves
    local kind, address, port = one:match("^(%l+):%[?(.-)%]?:(%d+)$")
    if kind ~= "udp" then self.env.client:refuse_own(address, tonumber(port)) end
  end
  return true
end

return listen

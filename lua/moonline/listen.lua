-- Where a server listens: its SIP transports and its HTTP port.

local http = require "moonline.core.http"
local runtime = require "moonline.runtime"
local sys = require "moonline.core.sys"

local listen = {}

-- A listener on all addresses is reached at the one that the default route leaves from (RFC 5737, 3849).
local OUTSIDE = { ["0.0.0.0"] = "192.0.2.1", ["::"] = "2001:db8::1" }

---Where others reach our HTTP side: http.public_url, else the listener itself.
---@param self moonline.Server
---@param config table
---@return string?
function listen.public_url(self, config)
  if config.http.public_url or not self.http_address then return config.http.public_url end
  local outside = OUTSIDE[self.http_host]
  if not outside then return "http://" .. self.http_address end
  local host = sys.local_address(outside) or "127.0.0.1"
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  return ("http://%s:%d"):format(host, self.http:port())
end

---Opens http.listen, unless it is off.
---@param self moonline.Server
---@param config table
---@return boolean?, string? why
function listen.http(self, config)
  local host, port = config.http.listen:match("^(.*):(%d+)$")
  if not host then return true end -- off
  local bare = host:match("^%[(.*)%]$") or host
  local listener, why, text = http.server {
    address = bare, port = tonumber(port), max_connections = config.http.connections,
    max_per_source = config.http.per_source,
  }
  if not listener then
    return nil, ("http.listen %s: %s"):format(config.http.listen, text or why)
  end
  listener:events(self.box)
  self.http, self.http_host = listener, bare
  self.http_address = ("%s:%d"):format(host, listener:port())
  self.env.public_url = listen.public_url(self, config)
  return true
end

---Opens sip.listen.
---@param self moonline.Server
---@param config table
---@return boolean?, string? why
function listen.sip(self, config)
  local agent, why = runtime.agent(self.env, {
    listen = config.sip.listen, advertise = config.sip.advertise, allow = config.sip.allow,
    users = config.sip.users, digest = config.sip.digest, registrar = true,
    max_calls = config.limits.calls, max_lag = config.limits.lag_ms,
    max_connections = config.sip.connections, max_per_source = config.sip.per_source,
  })
  if not agent then return nil, why end
  self.env.agent, self.addresses = agent, agent:addresses()
  return true
end

---No document may have us talk to ourselves: tells an HTTP client what we listen on.
---@param self moonline.Server
---@param client moonline.HttpClient
function listen.refuse_own(self, client)
  for _, one in ipairs(self.addresses) do
    local kind, address, port = one:match("^(%l+):%[?(.-)%]?:(%d+)$")
    if kind ~= "udp" then client:refuse_own(address, tonumber(port)) end
  end
  if self.http then client:refuse_own(self.http_host, self.http:port()) end
end

return listen

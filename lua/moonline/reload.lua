-- A new policy, and a new configuration, for a running server: what takes effect at once, and what
-- waits for a start.

local config = require "moonline.config"
local generation = require "moonline.core.generation"
local listen = require "moonline.listen"
local log = require "moonline.log"
local runtime = require "moonline.runtime"
local task = require "moonline.task"

local reload = {}

-- Read when transports, threads and folders are opened. What is not named here is policy, and is
-- read by each call.
local AT_START = {
  "sip.listen", "sip.advertise", "sip.tls", "sip.resolve", "sip.dns",
  "sip.session_expires", "sip.connections", "sip.per_source", "rtp.listen", "rtp.advertise",
  "rtp.ports", "rtp.timeout", "http.listen", "http.connections", "http.per_source",
  "media.threads", "media.codecs", "store.path", "limits.calls", "limits.lag_ms", "trace.calls",
  "trace.kb",
}

-- The HTTP client is made of these.
local CLIENT = { "deny", "allow", "resolve", "dns", "ca" }

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Puts the values that only a start can change back to what they are (was): the keys that were set
-- to something else.
local function settle(was, fresh)
  local kept = {}
  for _, key in ipairs(AT_START) do
    local group, name = key:match("^(.*)%.(.*)$")
    if not same(was[group][name], fresh[group][name]) then
      kept[#kept + 1] = key
      fresh[group][name] = was[group][name]
    end
  end
  return kept
end

local function needs_client(was, fresh)
  for _, name in ipairs(CLIENT) do
    if not same(was.webhook[name], fresh.webhook[name]) then return true end
  end
  return false
end

-- "file:line: message" -> its parts. A module that does not compile is told by the one that requires
-- it, with its own place on the next line.
local function refusal(problem)
  local text = tostring(problem)
  text = (text:match("^error loading module [^\n]*\n%s*(.*)$") or text):match("^[^\n]*")
  local file, line, message = text:match("^(.-):(%d+):%s*(.*)$")
  return {
    file = file or "", line = tonumber(line) or 0, message = message or text, at = task.time(),
  }
end

local SHARED = {
  "config", "calls", "counters", "records", "rooms", "media", "client", "speech", "agent",
  "public_url", "traces",
}

local function shared(env)
  local copy = {}
  for _, name in ipairs(SHARED) do copy[name] = env[name] end
  copy.observed = env.observed
  return copy
end

---Loads the policy and the users' files again. A load that fails changes nothing.
---@param self moonline.Server
---@return boolean ok
---@return string? why
function reload.policy(self)
  local fresh, problem = generation.load {
    entry = "moonline.policy", env = shared(self.env), box = self.box, lua = self.options.lua,
  }
  if not fresh and not self.generation then return false, problem end -- whoever starts it says so
  if not fresh then
    self.refused = refusal(problem)
    log.error("the policy is not loaded, calls go on with what was: %s", tostring(problem))
    self:tell { kind = "refused", text = problem }
    return false, problem
  end
  self.refused = nil
  local old = self.generation
  self.generation = fresh
  self.generations[fresh:number()] = fresh
  if self.broadcast.is_on then fresh:deliver("observe", true) end
  if old then
    old:deliver "retire"
    old:retire()
    log.info("generation %d of the policy takes the calls from now on", fresh:number())
  end
  self:tell { kind = "generation", generation = fresh:number() }
  return true
end

-- A configuration that cannot be used, and why: in the log and in /health.
local function refuse(self, problems)
  for _, problem in ipairs(problems) do
    log.error("the configuration is not loaded: %s", config.format(problem))
  end
  local first = problems[1]
  self.refused = {
    file = first.file or "", line = first.line or 0, at = task.time(),
    message = first.file and first.message or config.format(first),
  }
end

-- Another client for the requests of the next generation, when the rules for it have changed.
local function renew_client(self, fresh)
  if not needs_client(self.env.config, fresh) then return nil end
  local client, why = runtime.client(fresh)
  if client then
    listen.refuse_own(self, client)
  else
    log.error("webhook.* stays as it was: %s", why)
    fresh.webhook = self.env.config.webhook
  end
  return client
end

---SIGHUP: configuration and policy. What only a start can change is told.
---@param self moonline.Server
function reload.configuration(self)
  if not self.options.reload then return self:reload() end
  local fresh, problems = self.options.reload()
  if not fresh then return refuse(self, problems) end
  for _, key in ipairs(settle(self.env.config, fresh)) do
    log.warning("%s has changed: that takes effect at the next start", key)
  end
  local env = self.env
  local was, old, public_url = env.config, env.client, env.public_url
  env.client = renew_client(self, fresh) or old
  env.config, env.public_url = fresh, listen.public_url(self, fresh)
  local ok = self:reload()
  if not ok then
    old, env.client = env.client, old
    env.config, env.public_url = was, public_url
  end
  if old ~= env.client then old:close() end
  if not ok then return end
  self.trunks:update(fresh)
  self:watch_files()
end

return reload

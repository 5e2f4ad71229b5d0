-- The trunks of the configuration: registered where they ask for it, their addresses known and trusted.
-- Lives with the server, beside the generations of policy.

local log = require "moonline.log"
local number = require "moonline.dial.number"
local plan = require "moonline.dial.plan"
local registration = require "moonline.registration"
local task = require "moonline.task"

local LOOK, AGAIN = 300, 30 -- seconds until addresses are looked up again, and after a failure

---@class moonline.Trunks
---@field server moonline.Server
---@field all table<string, table>
local Trunks = {}
Trunks.__index = Trunks
Trunks.__name = "moonline.Trunks"

local trunks = {}

-- ---- who may call in --------------------------------------------------------------------------

-- Numeric address -> trunk. Of two trunks of one address the first by name has it.
local function peers(self)
  local names, map = {}, {}
  for name in pairs(self.all) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    for _, host in ipairs(self.all[name].hosts) do map[host] = map[host] or name end
  end
  return map
end

---Tells the agent who may call in: sip.allow, sip.users, and the addresses of the trunks.
function Trunks:grant()
  local sip = self.server.env.config.sip
  self.server.env.agent:access {
    allow = sip.allow, users = sip.users, digest = sip.digest, peers = peers(self),
  }
end

local function same(a, b)
  return table.concat(a, " ") == table.concat(b, " ")
end

-- Keeps the addresses of a trunk as DNS has them.
local function watch_hosts(self, one)
  local box = task.mailbox()
  local ask <close> = self.server.env.agent:ask { uri = one.uri, hops = one.hops, box = box }
  while ask:send() do
    local event = box:wait { "response" }
    local found = event.hosts[1] ~= nil
    if not found then log.warning("trunk %s: %s", one.name, event.text) end
    if found and not same(event.hosts, one.hosts) then
      one.hosts = event.hosts
      self:grant()
    end
    task.sleep(found and LOOK or AGAIN)
  end
end

-- ---- registering ------------------------------------------------------------------------------

local function changed(one)
  return function(held)
    if held.status == "registered" then
      log.info("trunk %s is registered at %s for %d s", one.name, held.peer, held.granted)
    else
      log.warning("trunk %s is not registered: %s", one.name, held.code or held.why)
    end
  end
end

local function begin(self, name, config)
  local egress = plan.egress(self.server.env.config, config.region)
  local domain = number.domain(config)
  local one = {
    name = name, config = config, hosts = {}, uri = "sip:" .. domain,
    hops = egress.proxy and { egress.proxy } or config.proxy,
  }
  one.task = task.spawn(watch_hosts, self, one)
  if config.register then
    one.registration = registration.open(self.server.env.agent, {
      uri = one.uri, aor = ("sip:%s@%s"):format(config.username, domain), hops = one.hops,
      contact_user = config.username, username = config.username, password = config.password,
      bind = egress.bind, advertise = egress.advertise,
    })
    one.registration:keep(changed(one))
  end
  self.all[name] = one
end

local function finish(self, one)
  self.all[one.name] = nil
  one.task:cancel()
  if not one.registration then return end
  local leaving = task.spawn(one.registration.leave, one.registration)
  self.leaving[leaving] = true
  leaving:watch(self.box)
end

local function is_same(a, b)
  for _, key in ipairs { "username", "password", "register", "region" } do
    if a[key] ~= b[key] then return false end
  end
  return same(a.proxy, b.proxy)
end

---Takes over the trunks of a configuration: what has not changed stays as it is.
---@param config table
function Trunks:update(config)
  for name, one in pairs(self.all) do
    local fresh = config.trunks[name]
    if not fresh or not is_same(fresh, one.config) then finish(self, one) end
  end
  for name, fresh in pairs(config.trunks) do
    if not self.all[name] then begin(self, name, fresh) end
  end
  self:grant()
end

---Takes all registrations back: the carriers send their calls elsewhere.
function Trunks:leave()
  for _, one in pairs(self.all) do finish(self, one) end
end

---Has every registrar that was left answered, or had its second?
---@return boolean
function Trunks:is_quiet()
  local event = self.box:wait({ "task" }, 0)
  while event do
    self.leaving[event.task] = nil
    event = self.box:wait({ "task" }, 0)
  end
  return next(self.leaving) == nil
end

---What /health shows: name -> state of those that register.
---@return table<string, string>?
function Trunks:status()
  local map
  for name, one in pairs(self.all) do
    local held = one.registration
    if held then
      map = map or {}
      map[name] = held.status == "failed" and ("failed: %s"):format(held.code or held.why)
        or held.status
    end
  end
  return map
end

---Ends everything without a word.
function Trunks:close()
  for _, one in pairs(self.all) do
    one.task:cancel()
    if one.registration then one.registration:close() end
  end
  self.all = {}
  for one in pairs(self.leaving) do one:cancel() end
end

---@param server moonline.Server
---@return moonline.Trunks
function trunks.open(server)
  local self = setmetatable({
    server = server, all = {}, leaving = {}, box = task.mailbox(),
  }, Trunks)
  self:update(server.env.config)
  return self
end

return trunks

-- A registration of ours with somebody's registrar (RFC 3261 10.2): sent, refreshed at three quarters of
-- its time, tried again with growing pauses when it fails, and taken back when it is left.

local crypto = require "moonline.core.crypto"
local headers = require "moonline.headers"
local sip = require "moonline.core.sip"
local task = require "moonline.core.task"

local FIRST, MOST = 10, 600 -- seconds between tries that fail: doubled from the one to the other
local REFRESH = 0.75 -- of what was granted
local EXPIRES = 3600 -- seconds asked for
local FAREWELL = 1 -- seconds that the answer to the last REGISTER has

---@class moonline.Registration
---@field status "new"|"registered"|"failed"|"left"
---@field why string? of "failed"
---@field code integer?
---@field contact string? our URI as it is registered
---@field granted integer? seconds
local Registration = {}
Registration.__index = Registration
Registration.__name = "moonline.Registration"

local registration = {}

-- Seconds for our contact: what stands with it, else Expires, else what was asked for.
local function granted(event, asked)
  for _, one in ipairs(sip.headers(event.headers, "Contact", "m")) do
    for uri, rest in one[2]:gmatch("<([^>]*)>([^,]*)") do
      local seconds = uri == event.contact and rest:lower():match(";%s*expires%s*=%s*\"?(%d+)")
      if seconds then return math.tointeger(tonumber(seconds)) end
    end
  end
  return math.tointeger(tonumber(headers.first(event.headers, "Expires") or "")) or asked
end

-- One REGISTER: its response event, with the code it came to.
local function ask(self, expires, timeout)
  local ok, why, text = self.ask:send("REGISTER",
    { contact_user = self.options.contact_user, expires = expires, headers = self.options.headers })
  if not ok then return { code = 0, cause = why, text = text or why } end
  local event = self.box:wait({ "response", "leave" }, timeout)
  if event and event.kind == "response" then return event end
  self.leaving = event ~= nil
  return { code = 0, cause = "timeout", text = "no response in time" }
end

---Registers once, and a second time where the registrar wants a longer time (423).
---@return boolean? ok
---@return string? why "refused", "timeout", "dns", "network", "tls"
---@return integer|string|nil detail the SIP code, or a sentence
function Registration:send()
  local event = ask(self, self.expires)
  local least = event.code == 423
    and tonumber(headers.first(event.headers, "Min-Expires") or "")
  if least and least > self.expires then
    self.expires = math.tointeger(least)
    event = ask(self, self.expires)
  end
  local later = headers.first(event.headers, "Retry-After") or ""
  self.retry_after = tonumber(later:match("^%s*(%d+)"))
  if event.code >= 200 and event.code < 300 then
    self.status, self.why, self.code = "registered", nil, event.code
    self.contact, self.granted, self.peer = event.contact, granted(event, self.expires), event.peer
    return true
  end
  self.status, self.code = "failed", event.code > 0 and event.code or nil
  self.why = event.cause == "response" and "refused" or event.cause
  return nil, self.why, self.code or event.text
end

-- How long to wait after the n-th failure in a row: a quarter more or less, so that not all who lost one
-- registrar come back at once.
local function pause(self, failures)
  local seconds = math.min(FIRST * 2 ^ math.min(failures - 1, 10), MOST)
  local chance = tonumber(crypto.random_hex(2), 16) / 0xffff
  return math.max(self.retry_after or 0, seconds * (0.75 + chance / 2))
end

local function goodbye(self)
  local was = self.status
  self.status = "left"
  if was == "registered" then ask(self, 0, FAREWELL) end
  self.ask:close()
end

local function keep(self)
  local failures = self.status == "failed" and 1 or 0
  while not self.leaving do
    local delay = failures > 0 and pause(self, failures) or 0
    if self.status == "registered" then delay = math.max(1, self.granted * REFRESH) end
    if self.box:wait({ "leave" }, delay) then break end
    local was = self.status
    failures = self:send() and 0 or failures + 1
    local news = was ~= self.status or failures > 0
    if self.changed and news and not self.leaving then self:changed() end
  end
  goodbye(self)
end

---Keeps it registered from now on, in a task of its own. changed(self) is called when it comes or goes,
---and for each try that fails.
---@param changed fun(self: moonline.Registration)?
function Registration:keep(changed)
  self.changed = changed
  self.task = task.spawn(keep, self)
end

---Takes it back (expires=0) and waits a second for the answer. Leaving twice is fine.
function Registration:leave()
  if self.status == "left" or self.leaving then return end
  if not self.task then return goodbye(self) end
  local box = task.mailbox()
  self.task:watch(box)
  self.box:post { kind = "leave" }
  box:wait({ "task" }, 2 * FAREWELL)
end

---Lets go of it without a word to the registrar: it runs out by itself.
function Registration:close()
  if self.status == "left" then return end
  self.status = "left"
  if self.task then self.task:cancel() end
  self.ask:close()
end

Registration.__close = Registration.leave

---@param agent moonline.Agent of moonline.core.sip
---@param options { uri: string, aor: string, contact_user: string, username: string?, password: string?, hops: string[]?, expires: integer?, bind: string?, advertise: string?, headers: string[][]? }
---@return moonline.Registration
function registration.open(agent, options)
  local box = task.mailbox()
  return setmetatable({
    options = options, box = box, status = "new", expires = options.expires or EXPIRES,
    ask = agent:ask {
      uri = options.uri, aor = options.aor, hops = options.hops, username = options.username,
      password = options.password, bind = options.bind, advertise = options.advertise, box = box,
    },
  }, Registration)
end

return registration

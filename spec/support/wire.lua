-- SIP messages as they go over the wire: read, and tapped from an agent.
--   local tap = wire.tap(phone)           from now on; phone or server
--   tap:one("INVITE")                     the first request of that method it received
--   tap:all("INVITE"), tap:responses(200, "INVITE"), tap:sent("BYE")
local task = require "moonline.core.task"

local wire = {}

local Message = {}
Message.__index = Message

---The first value of a header, nil when there is none.
function Message:get(name)
  name = name:lower()
  for _, header in ipairs(self.headers) do
    if header[1]:lower() == name then return header[2] end
  end
  return nil
end

---All values of a header.
function Message:values(name)
  local list = {}
  for _, header in ipairs(self.headers) do
    if header[1]:lower() == name:lower() then list[#list + 1] = header[2] end
  end
  return list
end

function Message:uri_of(name)
  local value = self:get(name) or ""
  return value:match("<([^>]+)>") or value:match("^[^;]+")
end

function wire.parse(text)
  local head, body = text:match("^(.-)\r?\n\r?\n(.*)$")
  head = head or text
  local self = setmetatable({ text = text, body = body or "", headers = {} }, Message)
  for line in head:gmatch("[^\r\n]+") do
    if not self.first then
      self.first = line
    else
      local name, value = line:match("^([^:%s]+)%s*:%s*(.-)%s*$")
      self.headers[#self.headers + 1] = { name or line, value or "" }
    end
  end
  self.method, self.uri = self.first:match("^(%u+) (%S+) SIP/2%.0$")
  self.code = tonumber(self.first:match("^SIP/2%.0 (%d%d%d)"))
  self.phrase = self.first:match("^SIP/2%.0 %d%d%d (.*)$")
  self.answers = self.code and (self:get "CSeq" or ""):match("%d+ (%u+)")
  return self
end

local Tap = {}
Tap.__index = Tap

function Tap:drain()
  while true do
    local event = self.box:wait({ "message" }, 0)
    if not event then return end
    local message = wire.parse(event.text)
    message.is_sent, message.transport, message.time = event.sent, event.transport, event.time
    message.remote, message.here = event.remote, event.local_address
    self.list[#self.list + 1] = message
  end
end

local function filtered(self, test)
  self:drain()
  local found = {}
  for _, message in ipairs(self.list) do
    if test(message) then found[#found + 1] = message end
  end
  return found
end

---Requests of a method that it received.
function Tap:all(method)
  return filtered(self, function(m) return not m.is_sent and m.method == method end)
end

---Requests of a method that it sent.
function Tap:sent(method)
  return filtered(self, function(m) return m.is_sent and m.method == method end)
end

---Responses that it received.
function Tap:responses(code, method)
  return filtered(self, function(m)
    return not m.is_sent and m.code == code and m.answers == method
  end)
end

function Tap:one(method)
  local first = self:all(method)[1]
  if not first then error("no " .. method .. " came", 2) end
  return first
end

---Waits until a request of that method has come.
function Tap:await(method, timeout)
  local limit = task.clock() + (timeout or 60)
  while task.clock() <= limit do
    local first = self:all(method)[1]
    if first then return first end
    task.sleep(0.01)
  end
  error(("no %s within %g s"):format(method, timeout or 60), 2)
end

---@param agent table a phone, or a server
function wire.tap(agent)
  local self = setmetatable({ box = task.mailbox(100000), list = {} }, Tap)
  local core = agent.env and agent.env.agent or agent.core
  core:trace(self.box)
  return self
end

return wire

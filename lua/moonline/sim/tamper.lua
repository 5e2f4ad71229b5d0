-- Hands on the wire of a simulation's phones: a call of which nothing gets through any more, and
-- descriptions that are others than the phone's own. In virtual time only.

local core = require "moonline.core.wire"
local task = require "moonline.task"

---@class moonline.SimTamper
local Tamper = {}
Tamper.__index = Tamper
Tamper.__name = "moonline.SimTamper"

local tamper = {}

local BACKLOG <const> = 65536 -- datagrams

local function call_id_of(bytes)
  return bytes:match("\n[Cc]all%-[Ii][Dd]%s*:%s*([^\r\n]+)")
    or bytes:match("\n[Ii]%s*:%s*([^\r\n]+)")
end

-- The same message with another body of the same type.
local function with_body(bytes, body)
  local head = bytes:match("^(.-\r\n)\r\n")
  head = head:gsub("\n[Cc]ontent%-[Ll]ength%s*:%s*%d+", ("\nContent-Length: %d"):format(#body))
  return head .. "\r\n" .. body
end

-- What becomes of a datagram: nil when it does not get through.
local function pass(self, event)
  local id = call_id_of(event.bytes)
  if self.silent[id] then return nil end
  local change = self.ports[event.from] and self.bodies[id]
  local body = change and event.bytes:lower():find("\ncontent%-type%s*:%s*application/sdp")
    and event.bytes:match("\r\n\r\n(.*)$")
  return body and with_body(event.bytes, change(body)) or event.bytes
end

local function run(self)
  while true do
    local event = self.box:wait "packet"
    local bytes = pass(self, event)
    if bytes then event.packet:send(bytes) end
    event.packet:close()
  end
end

---Opens the wire of these ports. Hold it with <close>.
---@param ports integer[] of the phones
---@return moonline.SimTamper?, string? why
function tamper.open(ports)
  local box = task.mailbox(BACKLOG)
  local own, why, text = core.open(box)
  if not own then return nil, text or why end
  local self = setmetatable({ box = box, wire = own, silent = {}, bodies = {}, ports = {} }, Tamper)
  for _, port in ipairs(ports) do
    own:add(port)
    self.ports[port] = true
  end
  self.task = task.spawn(run, self)
  return self
end

---Nothing of this call gets through from now on, either way.
---@param call moonline.Leg
function Tamper:silence(call)
  self.silent[call.core:info().call_id] = true
end

---The descriptions that the phone sends in this call become what change makes of them.
---@param call moonline.Leg
---@param change fun(sdp: string): string
function Tamper:describe(call, change)
  self.bodies[call.core:info().call_id] = change
end

function Tamper:close()
  self.task:cancel()
  for event in function() return self.box:wait({ "packet" }, 0) end do event.packet:close() end
  self.wire:close()
end

Tamper.__close = Tamper.close

return tamper

-- A SIP peer that does as a test says, over a plain UDP socket: for servers no phone of ours plays.
--   local odd <close> = peer.open(function(self, request) ... end)   each request that comes
--   self:reply(request, "401 Unauthorized", { "WWW-Authenticate: ..." }, sdp)
--   odd.requests, odd:of "INVITE"
local task = require "moonline.core.task"
local udp = require "moonline.core.udp"
local wire = require "support.wire"

local peer = {}

local Peer = {}
Peer.__index = Peer

---A description that takes PCMU.
function peer.sdp(port)
  return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    .. "m=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"):format(port or 19998)
end

local function echoed(request, tag)
  local lines = {}
  for _, via in ipairs(request:values "Via") do lines[#lines + 1] = "Via: " .. via end
  for _, name in ipairs { "From", "To", "Call-ID", "CSeq" } do
    local value = request:get(name)
    if name == "To" and not value:find(";tag=", 1, true) then value = value .. ";tag=" .. tag end
    lines[#lines + 1] = name .. ": " .. value
  end
  return lines
end

---Answers a request; headers are whole lines.
function Peer:reply(request, status, headers, body)
  local lines = echoed(request, self.tag)
  table.insert(lines, 1, "SIP/2.0 " .. status)
  local has_contact = status:match "^[3-6]" ~= nil
  for _, header in ipairs(headers or {}) do
    lines[#lines + 1] = header
    has_contact = has_contact or header:find "^Contact:"
  end
  if not has_contact then lines[#lines + 1] = ("Contact: <sip:%s>"):format(self.where) end
  if body then lines[#lines + 1] = "Content-Type: application/sdp" end
  lines[#lines + 1] = "Content-Length: " .. #(body or "")
  local text = table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
  self.socket:send(request.address, request.port, text)
end

---Requests of a method so far.
function Peer:of(method)
  local list = {}
  for _, request in ipairs(self.requests) do
    if request.method == method then list[#list + 1] = request end
  end
  return list
end

---Vanishes: what is sent to it from now on reaches nobody.
function Peer:close()
  if self.closed then return end
  self.closed = true
  self.task:cancel()
  self.socket:close()
end

Peer.__close = Peer.close

---@param fn fun(self: table, request: table)?
---@param options { address: string?, port: integer?, heard: (fun(response: table))? }?
function peer.open(fn, options)
  options = options or {}
  local box = task.mailbox()
  local address = options.address or "127.0.0.1"
  local socket = assert(udp.open(address, options.port or 0, box))
  local self = setmetatable({ socket = socket, requests = {}, tag = "odd1" }, Peer)
  self.where = address .. ":" .. socket:port()
  self.uri = "sip:kate@" .. self.where
  self.task = task.spawn(function()
    while true do
      local event = box:wait { "datagram" }
      local request = wire.parse(event.bytes)
      request.address, request.port, request.time = event.address, event.port, event.time
      self.requests[#self.requests + 1] = request
      if fn and request.method then fn(self, request) end
      if options.heard and request.code then options.heard(request) end
    end
  end)
  return self
end

return peer

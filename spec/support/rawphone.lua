-- A caller made of two plain UDP sockets, for what no phone of ours would do: any description, any RTP.
--
--   local raw <close> = rawphone.open(s:uri())
--   raw:call { direction = "sendrecv" }      INVITE, 200, ACK; raw.answer is the 200
--   raw:invite { direction = "inactive" }     the same within the dialog
--   raw:say(bytes, { from = socket })         one RTP packet of 20 ms; raw.packets is what came
local task = require "moonline.core.task"
local udp = require "moonline.core.udp"
local wire = require "support.wire"

local rawphone = {}

local Raw = {}
Raw.__index = Raw

local HERE <const> = "127.0.0.1"

---The description of an offer: { address, port, direction, types = "0 101", lines }.
function Raw:sdp(options)
  local address, types = options.address or HERE, options.types or "0 101"
  self.version = (self.version or 0) + 1
  return table.concat({
    "v=0", "o=- 7 " .. self.version .. " IN IP4 " .. HERE, "s=-", "c=IN IP4 " .. address, "t=0 0",
    ("m=audio %d RTP/AVP %s"):format(options.port or self.audio:port(), types),
    "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000",
    "a=" .. (options.direction or "sendrecv"), "",
  }, "\r\n")
end

local function send(self, method, cseq, body, options)
  options = options or {}
  self.branch = self.branch + 1
  local lines = {
    method .. " " .. self.target .. " SIP/2.0",
    ("Via: SIP/2.0/UDP %s:%d;branch=z9hG4bKraw%d;rport"):format(HERE, self.sip:port(), self.branch),
    "Max-Forwards: 70", ("From: <sip:raw@%s>;tag=raw"):format(HERE),
    "To: <" .. self.uri .. ">" .. (self.tag and ";tag=" .. self.tag or ""),
    "Call-ID: " .. self.id, ("CSeq: %d %s"):format(cseq, method),
    ("Contact: <sip:raw@%s:%d>"):format(HERE, self.sip:port()),
  }
  for _, header in ipairs(options.headers or {}) do lines[#lines + 1] = header end
  if body then lines[#lines + 1] = "Content-Type: " .. (options.type or "application/sdp") end
  lines[#lines + 1] = "Content-Length: " .. #(body or "")
  self.sip:send(self.host, self.port, table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
end

---Answers a request of the server: "202 Accepted".
function Raw:reply(request, status)
  local lines = { "SIP/2.0 " .. status }
  for _, name in ipairs { "Via", "From", "To", "Call-ID", "CSeq" } do
    lines[#lines + 1] = name .. ": " .. request:get(name)
  end
  lines[#lines + 1] = "Content-Length: 0\r\n\r\n"
  self.sip:send(self.host, self.port, table.concat(lines, "\r\n"))
end

-- What the server asks of us: its BYE is answered, the rest is for who put a function into raw.takes.
local function obey(self, request)
  local fn = self.takes[request.method]
  if fn then return fn(self, request) end
  if request.method ~= "BYE" then return end
  self.over = task.clock()
  self:reply(request, "200 OK")
end

---Another request within the call; its final answer.
---@param options { headers: string[]?, body: string?, type: string? }?
function Raw:request(method, options)
  self.cseq = self.cseq + 1
  send(self, method, self.cseq, options and options.body, options)
  local wanted = self.cseq .. " " .. method
  while true do
    local answer = assert(self.answers:wait({ "answer" }, 20), "no answer to " .. method).message
    if answer:get "CSeq" == wanted and answer.code >= 200 then return answer end
  end
end

---One INVITE, of a new call or within it. Returns the final answer.
function Raw:invite(options)
  self.cseq = self.cseq + 1
  send(self, "INVITE", self.cseq, self:sdp(options or {}))
  local wanted = self.cseq .. " INVITE"
  while true do
    local event = assert(self.answers:wait({ "answer" }, 20), "no answer to INVITE")
    local answer = event.message
    if answer:get "CSeq" == wanted and answer.code >= 200 then
      self.tag = answer:get("To"):match(";tag=([^;]+)")
      self.target = answer:uri_of "Contact" or self.target
      self.answer = answer
      send(self, "ACK", self.cseq)
      self.there = tonumber(answer.body:match("m=audio (%d+)")) or self.there
      return answer
    end
  end
end

Raw.call = Raw.invite

---The direction in the description last received.
function Raw:direction()
  return self.answer.body:match("a=(sendrecv)") or self.answer.body:match("a=(sendonly)")
    or self.answer.body:match("a=(recvonly)") or self.answer.body:match("a=(inactive)")
end

---Sends one packet of 160 bytes of PCMU to the server's port.
---@param payload string
---@param options { from: table?, type: integer?, ssrc: integer?, seq: integer?, timestamp: integer?, marker: boolean? }?
function Raw:say(payload, options)
  options = options or {}
  self.seq, self.timestamp = (self.seq + 1) & 0xffff, (self.timestamp + 160) & 0xffffffff
  local header = string.pack(">BBI2I4I4", 0x80,
    (options.type or 0) | (options.marker and 0x80 or 0), options.seq or self.seq,
    options.timestamp or self.timestamp, options.ssrc or self.ssrc)
  local socket = options.from or self.audio
  assert(socket:send(HERE, self.there, header .. payload))
end

---Talks for some seconds: a packet of this payload every 20 ms.
function Raw:talk(seconds, payload, options)
  for _ = 1, math.floor(seconds * 50 + 0.5) do
    self:say(payload, options)
    task.sleep(0.02)
  end
end

function Raw:bye()
  self.cseq = self.cseq + 1
  send(self, "BYE", self.cseq)
end

function Raw:close()
  if self.closed then return end
  self.closed = true
  self.task:cancel()
  self.listener:cancel()
  self.sip:close()
  self.audio:close()
end

Raw.__close = Raw.close

local function take_sip(self, box)
  while true do
    local message = wire.parse(box:wait({ "datagram" }).bytes)
    if message.code then
      self.answers:post { kind = "answer", message = message }
    else
      obey(self, message)
    end
  end
end

local function take_audio(packets, box)
  while true do
    local event = box:wait { "datagram" }
    local first, second, seq, timestamp, ssrc = string.unpack(">BBI2I4I4", event.bytes)
    packets[#packets + 1] = { time = event.time or task.clock(), version = first >> 6,
      marker = second & 0x80 ~= 0, type = second & 0x7f, seq = seq, timestamp = timestamp,
      ssrc = ssrc, payload = event.bytes:sub(13), port = event.port }
  end
end

---A socket that keeps the packets it gets: for others than the caller.
---@return moonline.Udp socket, table packets, moonline.Task task
function rawphone.ear(address)
  local box, packets = task.mailbox(8192), {}
  local socket = assert(udp.open(address or HERE, 0, box))
  return socket, packets, task.spawn(take_audio, packets, box)
end

---@param uri string the server's
function rawphone.open(uri)
  local box = task.mailbox()
  local host, port = uri:match("@([%d.]+):(%d+)")
  local self = setmetatable({ uri = uri, target = uri, host = host, port = tonumber(port), cseq = 0,
    branch = 0, seq = 65500, timestamp = 0xffffff00, ssrc = 0x5eed, answers = task.mailbox(),
    takes = {} }, Raw)
  self.sip = assert(udp.open(HERE, 0, box))
  self.id = "raw" .. self.sip:port()
  self.audio, self.packets, self.listener = rawphone.ear()
  self.task = task.spawn(take_sip, self, box)
  return self
end

return rawphone

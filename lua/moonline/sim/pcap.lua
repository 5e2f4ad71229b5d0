-- Packets in a file of the kind that libpcap made (and sngrep, Wireshark, tshark read): IP and UDP with
-- a payload each. What went over TCP or TLS is framed as UDP, too.

local pcap = {}

local RAW <const> = 101 -- LINKTYPE_RAW: begins with the IP header
local UDP <const> = 17
local LARGEST <const> = 65535 - 40 - 8 -- bytes of a payload: one packet has a message

local function bytes_of(host)
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then return string.char(a, b, c, d) end
  local words = {}
  local head, tail = host:match("^(.-)::(.*)$")
  for word in (head or host):gmatch("%x+") do words[#words + 1] = tonumber(word, 16) end
  if head then
    local gap, rest = #words, {}
    for word in tail:gmatch("%x+") do rest[#rest + 1] = tonumber(word, 16) end
    for i = 1, 8 - gap - #rest do words[gap + i] = 0 end
    table.move(rest, 1, #rest, #words + 1, words)
  end
  if #words ~= 8 then return nil end
  return (">I2I2I2I2I2I2I2I2"):pack(table.unpack(words))
end

-- The Internet checksum of RFC 1071.
local function checksum(text)
  if #text % 2 == 1 then text = text .. "\0" end
  local sum = 0
  for i = 1, #text, 2 do sum = sum + (">I2"):unpack(text, i) end
  while sum > 0xffff do sum = (sum & 0xffff) + (sum >> 16) end
  return ~sum & 0xffff
end

local function udp(from, to, from_port, to_port, payload)
  local length = 8 + #payload
  local pseudo = from .. to .. (">I4I4"):pack(length, UDP)
  local sum = checksum(pseudo .. (">I2I2I2I2"):pack(from_port, to_port, length, 0) .. payload)
  return (">I2I2I2I2"):pack(from_port, to_port, length, sum == 0 and 0xffff or sum) .. payload
end

local function ip4(from, to, number, datagram)
  local head = (">BBI2I2I2BBI2"):pack(0x45, 0, 20 + #datagram, number & 0xffff, 0x4000, 64, UDP, 0)
    .. from .. to
  return head:sub(1, 10) .. (">I2"):pack(checksum(head)) .. head:sub(13) .. datagram
end

local function ip6(from, to, datagram)
  return (">I4I2BB"):pack(0x60000000, #datagram, UDP, 64) .. from .. to .. datagram
end

---One packet without a time: nil when a place is no address.
---@param from moonline.Place
---@param to moonline.Place
---@param number integer of the packet
---@param payload string
---@return string?
local function packet(from, to, number, payload)
  local a, b = bytes_of(from.host), bytes_of(to.host)
  if not a or not b or #a ~= #b then return nil end
  local datagram = udp(a, b, from.port, to.port, payload:sub(1, LARGEST))
  return #a == 4 and ip4(a, b, number, datagram) or ip6(a, b, datagram)
end

---@class moonline.Place
---@field host string an IP address
---@field port integer

---"127.0.0.1:5060", "udp:[::1]:5060"; nil: it is something else.
---@param address string
---@return moonline.Place?
function pcap.place(address)
  local host, port = address:match("%[([%x:]+)%]:(%d+)$")
  if not host then host, port = address:match("(%d+%.%d+%.%d+%.%d+):(%d+)$") end
  return host and { host = host, port = tonumber(port) } or nil
end

---A whole file.
---@param packets { time: number, from: moonline.Place, to: moonline.Place, payload: string }[] time in
---  seconds since 1970
---@return string
function pcap.file(packets)
  local parts = { ("<I4I2I2I4I4I4I4"):pack(0xa1b2c3d4, 2, 4, 0, 0, 0x40000, RAW) }
  for i, one in ipairs(packets) do
    local data = packet(one.from, one.to, i, one.payload)
    if data then
      local us = math.floor(one.time * 1e6 + 0.5)
      parts[#parts + 1] = ("<I4I4I4I4"):pack(us // 1000000, us % 1000000, #data, #data) .. data
    end
  end
  return table.concat(parts)
end

-- In time order; at one time as they stand.
local function sorted(packets)
  for i, one in ipairs(packets) do one.place = i end
  table.sort(packets, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return a.place < b.place
  end)
  return packets
end

---The messages of a capture, as they passed.
---@param capture moonline.Capture
---@param epoch number seconds since 1970 at time 0 of its events
---@param audio table[]? packets besides, with times like those of events
---@return string
function pcap.of(capture, epoch, audio)
  local packets = {}
  for _, row in ipairs(capture.rows) do
    local event = row.event
    if event.kind == "message" then
      local here, there = pcap.place(event.local_address), pcap.place(event.remote)
      packets[#packets + 1] = here and there and {
        time = epoch + event.time, payload = event.text,
        from = event.sent and here or there, to = event.sent and there or here,
      }
    end
  end
  for _, one in ipairs(audio or {}) do
    packets[#packets + 1] = { time = epoch + one.time, from = one.from, to = one.to,
      payload = one.payload }
  end
  return pcap.file(sorted(packets))
end

return pcap

-- A name server on loopback that knows what a test tells it.
--   local names <close> = dns.open { ["kate.test"] = { a = { "127.0.0.1" } },
--     ["_sip._udp.kate.test"] = { srv = { { 10, 0, 5070, "a.kate.test" } } } }
--   names.address for sip.dns; names.asked lists "name TYPE"
local task = require "moonline.core.task"
local udp = require "moonline.core.udp"

local dns = {}

local TYPES = { [1] = "a", [28] = "aaaa", [33] = "srv" }

local function encode_name(name)
  local bytes = {}
  for label in name:gmatch("[^.]+") do bytes[#bytes + 1] = string.pack("s1", label) end
  return table.concat(bytes) .. "\0"
end

local encode = {}

function encode.a(address)
  return (address:gsub("(%d+)%.?", function(byte) return string.char(tonumber(byte)) end))
end

function encode.srv(service)
  return string.pack(">I2I2I2", service[1], service[2], service[3]) .. encode_name(service[4])
end

local function read_question(bytes)
  local labels, at = {}, 13
  while bytes:byte(at) ~= 0 do
    local label
    label, at = string.unpack("s1", bytes, at)
    labels[#labels + 1] = label
  end
  return table.concat(labels, "."):lower(), (string.unpack(">I2", bytes, at + 1)), at + 4
end

local function respond(self, event)
  local name, kind, last = read_question(event.bytes)
  local word = TYPES[kind] or tostring(kind)
  self.asked[#self.asked + 1] = name .. " " .. word:upper()
  if self.silent then return end
  local known = self.names[name]
  local answers = {}
  for _, value in ipairs(known and known[word] or {}) do
    local data = encode[word](value)
    answers[#answers + 1] = string.pack(">I2I2I2I4s2", 0xc00c, kind, 1, 60, data)
  end
  local flags = known and 0x8400 or 0x8403 -- NXDOMAIN for what nobody has heard of
  self.socket:send(event.address, event.port, event.bytes:sub(1, 2)
    .. string.pack(">I2I2I2I2I2", flags, 1, #answers, 0, 0) .. event.bytes:sub(13, last)
    .. table.concat(answers))
end

local Server = {}
Server.__index = Server

function Server:close()
  self.task:cancel()
  self.socket:close()
end

Server.__close = Server.close

function dns.open(names)
  local box = task.mailbox()
  local socket = assert(udp.open("127.0.0.1", 0, box))
  local self = setmetatable({ socket = socket, names = names or {}, asked = {} }, Server)
  self.address = "127.0.0.1:" .. socket:port()
  self.task = task.spawn(function()
    while true do respond(self, box:wait { "datagram" }) end
  end)
  return self
end

return dns

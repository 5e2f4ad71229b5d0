-- A WebSocket server for Stream, as an application would write one, that keeps what it gets.
--   local agent <close> = stream_server.open(function(stream) ... end)   in a task per stream
--   agent.url; agent.streams[1]: sid, start, messages, heard.inbound (samples), digits, marks
local audio = require "support.audio"
local json = require "dkjson"
local moonline = require "moonline"
local task = require "moonline.core.task"

local stream_server = {}

local Stream = {}
Stream.__index = Stream

local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

---Strict base64, checked letter by letter.
function stream_server.decode(text)
  assert(#text % 4 == 0, "base64: length")
  local bits = text:gsub("=", ""):gsub(".", function(letter)
    local at = LETTERS:find(letter, 1, true)
    assert(at, "base64: letter " .. letter)
    return string.char(at - 1)
  end)
  local bytes = {}
  for at = 1, #bits, 4 do
    local a, b, c, d = bits:byte(at, at + 3)
    local group = a << 18 | b << 12 | (c or 0) << 6 | (d or 0)
    bytes[#bytes + 1] = string.char(group >> 16, group >> 8 & 255, group & 255)
      :sub(1, d and 3 or c and 2 or 1)
  end
  return table.concat(bytes)
end

function Stream:send(message)
  message.streamSid = message.streamSid or self.sid
  return self.socket:send(json.encode(message))
end

---Plays samples to the caller, in pieces of so many bytes.
function Stream:play(samples, piece)
  local bytes = audio.ulaw(samples)
  piece = piece or 1600
  for at = 1, #bytes, piece do
    local payload = require("moonline.core.crypto").base64(bytes:sub(at, at + piece - 1))
    self:send { event = "media", media = { payload = payload } }
  end
end

function Stream:mark(name)
  self:send { event = "mark", mark = { name = name } }
end

function Stream:clear()
  self:send { event = "clear" }
end

local on = {}

function on.start(self, message)
  self.start, self.sid = message.start, message.streamSid
end

-- Samples by their timestamp: gaps are silence.
function on.media(self, message)
  local track = message.media.track
  local samples = self.heard[track] or {}
  self.heard[track] = samples
  local at = math.tointeger(tonumber(message.media.timestamp)) * 8
  for i = #samples + 1, at do samples[i] = 0 end
  local new = audio.from_ulaw(stream_server.decode(message.media.payload))
  table.move(new, 1, #new, at + 1, samples)
end

function on.dtmf(self, message)
  self.digits = self.digits .. message.dtmf.digit
end

function on.mark(self, message)
  self.marks[#self.marks + 1] = { name = message.mark.name, time = task.clock() }
end

local function take(self, text)
  local message = assert(json.decode(text))
  self.messages[#self.messages + 1] = message
  if message.sequenceNumber then
    self.sequence = self.sequence + 1
    assert(tonumber(message.sequenceNumber) == self.sequence, "sequenceNumber")
  end
  local act = on[message.event]
  if act then act(self, message) end
  self.box:post { kind = message.event, message = message }
end

---Waits for a message of that event.
function Stream:wait(event, timeout)
  return assert(self.box:wait({ event }, timeout or 30), "no " .. event).message
end

function Stream:events()
  local list = {}
  for _, message in ipairs(self.messages) do
    if message.event ~= list[#list] then list[#list + 1] = message.event end
  end
  return table.concat(list, " ")
end

local Server = {}
Server.__index = Server

function Server:close()
  self.web:close()
end

Server.__close = Server.close

---The first stream, when it has begun.
function Server:stream(index, timeout)
  local limit = task.clock() + (timeout or 30)
  while not (self.streams[index or 1] and self.streams[index or 1].start) do
    assert(task.clock() < limit, "no stream")
    task.sleep(0.01)
  end
  return self.streams[index or 1]
end

---@param fn fun(stream: table)? what the agent does once the stream has begun
---@param options table? of moonline.http.serve
function stream_server.open(fn, options)
  local self = setmetatable({ streams = {} }, Server)
  self.web = assert(moonline.http.serve(options or {}, function(request)
    if request.path ~= "/audio" then return 404, "no such stream" end
    local socket <close> = assert(request:websocket())
    local one = setmetatable({ socket = socket, request = request, messages = {}, heard = {},
      digits = "", marks = {}, sequence = 0, box = task.mailbox() }, Stream)
    self.streams[#self.streams + 1] = one
    local group <close> = moonline.group()
    if fn then
      group:spawn(function()
        one:wait "start"
        fn(one)
      end)
    end
    for text in socket:messages() do take(one, text) end
    one.over = socket.over
  end))
  self.url = self.web.url:gsub("^http", "ws") .. "/audio"
  return self
end

return stream_server

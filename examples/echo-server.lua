-- A voice agent in one file: the server, its document, and a WebSocket server for <Stream> that sends
-- the caller's words back after a second. build/moonline examples/echo-server.lua [SIP-ADDRESS]
local moonline = require "moonline"

local DELAY = 50 -- messages of 20 ms

-- One stream: media comes in and goes out again, late; a key 9 clears what waits.
local function echo(socket)
  local waiting, sid = {}, nil
  for text in socket:messages() do
    local message = moonline.json.decode(text)
    if message.event == "start" then
      sid = message.streamSid
      moonline.log.info("call %s is streaming", message.start.callSid)
    elseif message.event == "media" then
      waiting[#waiting + 1] = message.media.payload
      if #waiting > DELAY then
        local payload = table.remove(waiting, 1)
        socket:send(moonline.json.encode {
          event = "media", streamSid = sid, media = { payload = payload },
        })
      end
    elseif message.event == "dtmf" and message.dtmf.digit == "9" then
      waiting = {}
      socket:send(moonline.json.encode { event = "clear", streamSid = sid })
    end
  end
end

local app
app = assert(moonline.http.serve({}, function(request)
  if request.path == "/audio" then
    local socket <close> = assert(request:websocket())
    return echo(socket)
  end
  local r = moonline.twiml.response()
  r:connect():stream { url = app.url:gsub("^http", "ws") .. "/audio", name = "echo" }
  return r
end))

local server = assert(moonline.server {
  sip = { listen = { "udp:" .. (arg[1] or "127.0.0.1:5060") } }, http = { listen = "off" },
  voice = { url = app.url .. "/voice" },
})
print("call " .. server:uri "echo")

-- voicemail.lua: rings kate; when she does not take the call, takes a message and tells the mail room.
--   moonline serve --script examples/voicemail.lua
local moonline = require "moonline"

local KATE = "sip:kate@example.com"
local MAIL_ROOM = "http://mail.example.com/messages" -- gets a form: from, why, url, seconds

local function take_message(call)
  call:say("Kate cannot take your call. Please leave a message, and press pound when you are done.")
  call:play { tone = "1000", seconds = 0.3 }
  return call:record { max = 120, silence = 10, keys = "#", trim = true }
end

moonline.on("call", function(call)
  local kate <close>, why = call:dial(KATE, { timeout = 20 })
  if kate then return call:bridge(kate) end
  local message = take_message(call) -- comes back when the caller hangs up, too
  if not message or message.duration < 1 then return end
  moonline.http.post(MAIL_ROOM, {
    from = call.from, why = why, url = message.url, seconds = message.duration,
  })
  call:say("Thank you. Kate will hear it.")
end)

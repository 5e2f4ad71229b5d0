-- conference.lua: a meeting behind a PIN. It begins when its host comes, and ends when the host leaves.
--   moonline serve --script examples/conference.lua
local moonline = require "moonline"

local PINS = {
  ["1111"] = { room = "monday", host = true },
  ["2222"] = { room = "monday" },
}

local function meet(call, pin)
  call:say(pin.host and "Welcome. You are the host." or "The meeting begins when the host is here.")
  local seconds, why = call:conference(pin.room, {
    start = pin.host == true, ends = pin.host == true, star = true, max = 20,
  })
  if not seconds then return call:say("Sorry, the meeting is " .. why .. ".") end
  call:say(why == "ended" and "The meeting is over. Goodbye." or "Goodbye.")
end

moonline.on("call", function(call)
  for _ = 1, 3 do
    local digits = call:gather { say = "Enter your PIN, then pound.", timeout = 8 }
    local pin = PINS[digits]
    if pin then return meet(call, pin) end
    call:say("There is no such PIN.")
  end
end)

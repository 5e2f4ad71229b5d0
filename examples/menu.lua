-- menu.lua: answers, offers two choices, and does what the key says.
--   moonline serve --script examples/menu.lua
local moonline = require "moonline"

local choices = {}

choices["1"] = function(call)
  call:say("We are open from nine to five, Monday to Friday.")
end

choices["2"] = function(call)
  local desk <close>, why = call:dial("sip:desk@example.com", { timeout = 20 })
  if desk then return call:bridge(desk) end
  call:say(why == "busy" and "The desk is busy. Please call again." or "Nobody is at the desk.")
end

moonline.on("call", function(call)
  call:answer()
  for _ = 1, 3 do
    local key, why = call:gather {
      say = "Press 1 for our hours, or 2 for the desk.", digits = 1, timeout = 5,
    }
    if choices[key] then return choices[key](call) end
    call:say(why == "timeout" and "Are you still there?" or "That is not one of the choices.")
  end
  call:say("Goodbye.")
end)

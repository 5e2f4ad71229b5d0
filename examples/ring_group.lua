-- ring_group.lua: rings two phones at once; the first whose owner presses 1 gets the call. A mailbox that
-- answers presses nothing, and so never takes a call from the other.
--   moonline serve --script examples/ring_group.lua
local moonline = require "moonline"

local GROUP = { "sip:bob@example.com", "sip:bob.mobile@example.com" }

local function press_one(leg)
  return leg:gather { say = "Press 1 to take this call.", digits = 1, timeout = 6 } == "1"
end

moonline.on("call", function(call)
  local bob <close>, why = call:dial(GROUP, { timeout = 25, screen = press_one })
  if bob then return call:bridge(bob) end
  moonline.log.info("nobody took %s: %s", call.id, why)
  call:say("Nobody is there now. Please call again.")
end)

-- queue.lua: callers wait in line; agents call sip:agents@... and talk to one after the other, until they
-- hang up. * ends a talk, and the next one comes.
--   moonline serve --script examples/queue.lua
local moonline = require "moonline"

local LINE = "support"
local WAITING = { { say = "All our agents are busy. Please hold the line." }, { silence = 15 } }

local function serve_callers(call)
  call:say("Welcome. Calls come to you now.")
  while true do -- the agent's hangup ends it
    local seconds, why = call:dequeue(LINE, { timeout = 600, star = true })
    if seconds then
      moonline.log.info("%s talked for %.0f s", call.from, seconds)
    elseif why == "unknown" then
      call:play { silence = 2 } -- nobody has ever waited here
    end
    call:say("Next.")
  end
end

local function wait_in_line(call)
  local seconds, why = call:enqueue(LINE, { wait = WAITING, max = 50 })
  if not seconds then return call:say("Too many are waiting. Please call again later.") end
  moonline.log.info("%s: %s after %.0f s", call.from, why, seconds)
  call:say("Thank you for calling.")
end

moonline.on("call", function(call)
  if call.to:find "^sip:agents@" then return serve_callers(call) end
  wait_in_line(call)
end)

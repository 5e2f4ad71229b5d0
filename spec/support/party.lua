-- What the parties of call stories do when their phone rings: functions for Stage:phone.
local moonline = require "moonline"

local party = {}

---Stays until the call ends.
function party.stay(call)
  while true do call:wait { "digit" } end
end

---Answers (with more headers if asked for) as Leg:answer does.
---@param call moonline.Leg
---@param headers string[][]?
function party.answer(call, headers)
  assert(call.core:answer(headers))
  call.state, call.answered_at = "in-progress", moonline.clock()
end

---Takes the call. ring: seconds of 180 before the 200; early: the ringing is a 183 with SDP; headers: of
---the 200; talk: seconds until it hangs up, with bye as the headers of its BYE; nil: it stays.
---@param options { ring: number?, early: boolean?, headers: string[][]?, talk: number?, bye: string[][]? }?
function party.takes(options)
  options = options or {}
  return function(call)
    if options.ring then
      assert(call.core:ring(options.early))
      call:wait({}, options.ring)
    end
    party.answer(call, options.headers)
    if not options.talk then return party.stay(call) end
    call:wait({}, options.talk)
    call.core:hangup(options.bye)
    party.stay(call)
  end
end

---Rings and never answers. early: with 183 and SDP.
function party.rings(early)
  return function(call)
    assert(call.core:ring(early))
    party.stay(call)
  end
end

---Refuses, after some seconds of ringing if asked for.
---@param code integer
---@param options { ring: number?, headers: string[][]? }?
function party.refuses(code, options)
  options = options or {}
  return function(call)
    if options.ring then
      assert(call.core:ring())
      call:wait({}, options.ring)
    end
    call.core:reject(code, nil, options.headers)
  end
end

---Waits for the end of a leg that this test holds: the event. Raises when it does not come.
---@param leg moonline.Leg
---@param timeout number?
---@return moonline.Event
function party.ended(leg, timeout)
  local event = leg.box:wait({ "ended", "canceled", "failed", "lost" }, timeout or 60)
  if not event then error("the leg has not ended", 2) end
  leg:over(event)
  return event
end

---Waits for an event of a leg: nil when it does not come.
function party.hears(leg, kind, timeout)
  return (leg.box:wait({ kind }, timeout or 10))
end

---Packets of audio a leg gets within some seconds.
---@param leg moonline.Leg
---@param seconds number
---@return integer
function party.audio(leg, seconds)
  local before = (leg.core:stats() or { received = 0 }).received
  moonline.sleep(seconds)
  return (leg.core:stats() or { received = 0 }).received - before
end

return party

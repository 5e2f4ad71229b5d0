-- In real time: who falls silent is hung up after rtp.timeout, who holds is not. Run by
-- audio_real_spec.lua; prints "fine" at its end.
package.path = ("%s;%s/?.lua"):format(package.path, arg[0]:match("^(.*)/calls/real/[^/]*$"))

local moonline = require "moonline"
local stage = require "support.stage"

local function tone(leg, seconds)
  leg.core:play { tone = "600", ms = math.floor((seconds or 0) * 1000) }
end

local s <close> = stage.open { rtp = { timeout = 0.4 } }
local kate = s:phone("kate", function(call)
  call:answer()
  tone(call)
  call:wait {}
end)
local ghost = s:phone("ghost", function(call)
  call:answer()
  tone(call, 0.2)
  call:wait {}
end)

local function document(path, address)
  return stage.twiml(('<Dial action="%s"><Sip>%s</Sip></Dial>'):format(path, address))
end

s.web["/voice"] = function(request)
  local who = request.params.From:match("^sip:(%l+)@")
  if who == "caller" then return document("/caller", kate.address) end
  if who == "callee" then return document("/callee", ghost.address) end
  return stage.twiml '<Gather timeout="30"/>' -- a Pause would put the answer off
end
s.web["/caller"], s.web["/callee"] = stage.twiml "", stage.twiml '<Pause length="30"/>'

local function call(from, seconds)
  local leg = assert(s:call { from = from })
  tone(leg, seconds)
  return leg
end

local caller = call("caller", 0.2) -- vanishes
local callee = call "callee" -- talks; the party it calls vanishes
local held, inactive, lively = call("held", 0.2), call("inactive", 0.2), call "lively"
assert(held.core:hold(true))
assert(inactive.core:hold "inactive")

local gone = s:request("/caller", 3).params
assert(gone.DialCallStatus == "completed" and gone.DialBridged == "true", gone.DialCallStatus)
local other = s:request("/callee", 3).params
assert(other.DialCallStatus == "completed" and other.CallStatus == "in-progress", other.CallStatus)
moonline.sleep(0.2)
assert(caller.core:state() == "over", caller.core:state())
for name, leg in pairs { callee = callee, held = held, inactive = inactive, lively = lively } do
  assert(leg.core:state() == "up", name .. " is " .. leg.core:state())
end
for _, leg in ipairs { callee, held, inactive, lively } do leg:hangup() end
s:quiet()
print "fine"
os.exit(0)

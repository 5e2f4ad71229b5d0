-- In real time: records a call into the store given as argument. "kill": is killed in the middle of it.
-- "full": no file may grow beyond 30 KB once the server runs; the call goes on, and the recording is
-- told as failed. Run by audio_real_spec.lua; prints "fine" at its end.
package.path = ("%s;%s/?.lua"):format(package.path, arg[0]:match("^(.*)/calls/real/[^/]*$"))

local moonline = require "moonline"
local stage = require "support.stage"

local how, store, seconds = arg[1], arg[2], tonumber(arg[3])

local s <close> = stage.open { store = { path = store } }
local kate = s:phone("kate", function(call)
  call:answer()
  call.core:play { tone = "600", ms = 0 }
  call:wait {}
end)
s.web["/voice"] = stage.twiml(([[<Dial action="/after" record="record-from-answer-dual"
  recordingStatusCallback="/recording"><Sip>%s</Sip></Dial>]]):format(kate.address))
s.web["/after"], s.web["/recording"] = stage.twiml "", ""
if how == "full" then assert(os.execute "prlimit --pid $PPID --fsize=30720:unlimited") end
local alice = assert(s:call())
alice.core:play { tone = "1000", ms = 0 }
moonline.sleep(seconds)

if how == "kill" then
  local pid = io.open("/proc/self/stat"):read("n")
  os.execute("kill -9 " .. pid)
  moonline.sleep(5)
  error "still alive"
end

local before = alice.core:stats().received
moonline.sleep(0.2)
assert(alice.core:state() == "up" and alice.core:stats().received > before + 5, "it stands still")
alice:hangup()
local told = s:request "/recording".params
assert(told.RecordingStatus == "failed", told.RecordingStatus)
local after = s:request "/after".params
assert(after.DialCallStatus == "completed" and not after.RecordingUrl, after.DialCallStatus)
s:quiet()
print "fine"
os.exit(0)

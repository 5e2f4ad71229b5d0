-- What a call costs `moonline serve`: CPU, memory, delays. The phones and the web app run in this
-- process, the server is a child; its CPU time is read from the kernel. The same calls through our SIP
-- legs alone (b2bua.c) and through sofia's nta alone (nta.c) are the floors it is compared with: what a
-- microsecond is worth differs from machine to machine, and with what else it does. The aim is 230 us,
-- at most 500, where nta alone takes 125.
--   moonline spec/bench/server.lua [CALLS [HELD [RATE [PART]]]]    PART: start loads calls held waiting streams
local lfs = require "lfs"
local moonline = require "moonline"
local sys = require "moonline.core.sys"
local task = require "moonline.task"

local CALLS = tonumber(arg[1]) or 2000 -- bridged one after another
local HELD = tonumber(arg[2]) or 500 -- at the same time
local RATE = tonumber(arg[3]) or 200 -- calls a second
local TALK = 0.2 -- seconds
local STARTS = 5
local ACCOUNT = "AC00000000000000000000000000000001"
local READS = 500 -- REST requests of a kind
local CHAINS, CHAIN = 20, 50 -- calls at once, documents one after another in each
local STREAMS = 20 -- <Connect><Stream> at once

local program = arg[-1] or "build/moonline"
local floors = (program:match("^(.*)/[^/]*$") or ".") .. "/spec/bench_"
local folder = os.tmpname()
os.remove(folder)
assert(sys.mkdir(folder))

-- ---- the server process -----------------------------------------------------------------------

local function configuration(voice, more)
  local path = folder .. "/bench.lua"
  local file <close> = assert(io.open(path, "w"))
  file:write(([[
    account_sid = %q
    auth_token = "secret"
    sip = { listen = { "udp:127.0.0.1:0" } }
    http = { listen = "127.0.0.1:0" }
    voice = { url = %q }
    speech = { recogniser = "http://127.0.0.1:9/" } -- nobody speaks
    store = { path = "store" }
    limits = { calls = 100000 }
    rtp = { ports = { 10000, 31999 } } -- a freed port rests for 30 s
    %s
  ]]):format(ACCOUNT, voice, more or ""))
  return path
end

-- Starts a program and waits for its ready line, which it writes into a file.
local function launch(argv)
  local box, out = task.mailbox(), folder .. "/out"
  os.remove(out)
  local begun = task.clock()
  local child = assert(sys.spawn(argv, { box = box, stdout = out }))
  local line
  repeat
    task.sleep(0.001)
    local file <close> = io.open(out)
    line = file and file:read("l")
  until line and line:match("http=%S+$") or task.clock() - begun > 10
  assert(line, "the server did not start")
  return { child = child, box = box, pid = child:pid(), ready = task.clock() - begun,
    uri = "sip:line@" .. line:match("sip=udp:([%d.:]+)"), url = line:match("http=(%S+)$") }
end

local function start(voice, more)
  return launch { program, "serve", "-c", configuration(voice, more), "--log-level", "warning" }
end

local function stop(server)
  server.child:kill(15)
  server.child:kill(15)
  server.box:wait({ "exited" }, 5)
end

-- CPU seconds of all its threads.
local function cpu(server)
  local sum, root = 0, ("/proc/%d/task"):format(server.pid)
  for thread in lfs.dir(root) do
    local file <close> = thread:match("^%d+$") and io.open(root .. "/" .. thread .. "/schedstat")
    if file then sum = sum + file:read("n") / 1e9 end
  end
  return sum
end

local function resident(server)
  local file <close> = assert(io.open(("/proc/%d/smaps_rollup"):format(server.pid)))
  return tonumber(file:read("a"):match("Rss:%s*(%d+)")) * 1024
end

-- ---- the world around it ----------------------------------------------------------------------

moonline.configure { rtp = { ports = { 32768, 65535 } } }

local hooked = {} -- CallSid -> documents of a chain it has had
local asked, done = {}, 0 -- From of a call -> time of its voice request; action requests

local kate = assert(moonline.agent { allow = { "127.0.0.0/8" } })
local alice = assert(moonline.agent())
local kate_plays

kate:on("call", function(call)
  call:answer()
  if kate_plays then call.core:play { tone = "440", ms = 0 } end
  while true do call:wait { "digit" } end
end)

-- What calls wait in, for as long as they are held.
local waits = {
  { "Enqueue, our music", "<Enqueue>bench</Enqueue>", sounds = true },
  { "Enqueue, a file", '<Enqueue waitUrl="/hold">bench</Enqueue>', sounds = true },
  { "Gather", '<Gather timeout="600"/>' },
  { "Gather, a file", '<Gather timeout="600"><Play loop="0">/prompt.wav</Play></Gather>',
    sounds = true },
  { "Gather, for speech", '<Gather timeout="600" input="speech"/>', aim = 60 },
  { "Pause", '<Play digits="w"/><Pause length="600"/>' },
}

-- Five seconds of noise.
local function prompt()
  local samples = {}
  for i = 1, 5 * 8000 do samples[i] = ("<i2"):pack(math.random(-2000, 2000)) end
  local data = table.concat(samples)
  return ("<c4I4c4c4I4I2I2I4I4I2I2c4s4"):pack("RIFF", #data + 36, "WAVE", "fmt ", 16, 1, 1, 8000,
    16000, 2, 16, "data", data)
end

local pages = {
  ["/hold"] = "<Response><Play loop=\"0\">/prompt.wav</Play></Response>",
  ["/prompt.wav"] = prompt(),
}

-- A voice agent that sends back what it hears, as text: the cost of its JSON is not the server's.
local function echo(socket)
  local sid
  for text in socket:messages() do
    sid = sid or text:match('"streamSid":"(MZ%x+)"')
    local payload = text:match('^{"event":"media".*"payload":"([^"]*)"')
    if payload then
      socket:send(('{"event":"media","streamSid":"%s","media":{"payload":"%s"}}'):format(sid,
        payload))
    end
  end
end

local app
app = assert(moonline.http.serve({}, function(request)
  local wait = waits[tonumber(request.path:match "^/wait(%d)$")]
  if wait then return "<Response>" .. wait[2] .. "</Response>" end
  local page = pages[request.path]
  if page then
    local kind = request.path:find "%.wav$" and "audio/wav" or "text/xml"
    return 200, page, { ["Content-Type"] = kind, ["Cache-Control"] = "max-age=600" }
  end
  if request.path == "/hook" then
    local sid = request.params.CallSid
    hooked[sid] = (hooked[sid] or 0) + 1
    return hooked[sid] < CHAIN and "<Response><Redirect/></Response>"
      or "<Response><Hangup/></Response>"
  elseif request.path == "/audio" then
    local socket <close> = assert(request:websocket())
    return echo(socket)
  elseif request.path == "/stream" then
    return ('<Response><Connect><Stream url="%s/audio"/></Connect></Response>'):format(
      app.url:gsub("^http", "ws"))
  elseif request.path == "/voice" then
    asked[request.params.From:match("sip:([^@]+)")] = task.clock()
    return ('<Response><Dial action="/after"><Sip>%s</Sip></Dial></Response>'):format(
      kate:uri "kate")
  end
  done = done + 1
  return "<Response><Hangup/></Response>"
end))

local function percentile(list, part)
  table.sort(list)
  return list[math.max(1, math.ceil(#list * part))] or 0
end

local function row(name, format, ...)
  print(("%-46s %s"):format(name, format:format(...)))
end

-- ---- what is measured -------------------------------------------------------------------------

local function measure_start()
  local times = {}
  for i = 1, STARTS do
    local server = start(app.url .. "/voice")
    times[i] = server.ready * 1000
    stop(server)
  end
  row("start to the ready line", "%.0f ms (median of %d; aim below 100)", percentile(times, 0.5),
    STARTS)
end

local function one_call(server, number, delays, box)
  local from = "a" .. number
  local begun = task.clock()
  local call = alice:call(server.uri, { from = from, timeout = 10 })
  if call then
    task.sleep(TALK)
    call:hangup()
    call.core:close()
    if asked[from] then delays[#delays + 1] = (asked[from] - begun) * 1000 end
  end
  asked[from] = nil
  box:post { kind = "over", ok = call ~= nil }
end

local function run_calls(server, count, delays)
  local box, failed = task.mailbox(count + 1), 0
  local begun = task.clock()
  for i = 1, count do
    task.spawn(one_call, server, i, delays, box)
    local ahead = begun + i / RATE - task.clock()
    if ahead > 0 then task.sleep(ahead) end
  end
  for _ = 1, count do
    if not box:wait { "over" }.ok then failed = failed + 1 end
  end
  task.sleep(0.5)
  return failed
end

-- CPU microseconds of a call, calls that failed, delays of the voice requests.
local function measure(server)
  run_calls(server, 200, {}) -- warm
  local before, delays = cpu(server), {}
  done = 0
  local failed = run_calls(server, CALLS, delays)
  local each = (cpu(server) - before) / CALLS * 1e6
  stop(server)
  return each, failed, delays
end

local function measure_calls()
  local nta = measure(launch { floors .. "nta", kate:uri "kate" })
  local legs = measure(launch { floors .. "b2bua", kate:uri "kate" })
  local each, failed, delays = measure(start(app.url .. "/voice"))
  row("CPU of a call through sofia's nta alone", "%.0f us", nta)
  row("CPU of a call through our SIP legs alone", "%.0f us, %.1f times that", legs, legs / nta)
  row("CPU of a bridged call (voice, Dial, action, BYE)",
    "%.0f us, %.1f times that (at most 4, aim 1.8)", each, each / nta)
  row("  calls that failed, action requests", "%d, %d of %d", failed, done, CALLS)
  row("INVITE to voice request", "%.2f ms median, %.2f ms p99 (aim below 2)",
    percentile(delays, 0.5), percentile(delays, 0.99))
end

local function hang_up(legs)
  for _, call in ipairs(legs) do
    call:hangup()
    call.core:close()
  end
  task.sleep(1)
end

local function hold(server, count)
  local legs = {}
  for i = 1, count do
    legs[#legs + 1] = alice:call(server.uri, { from = "h" .. i, timeout = 10 })
  end
  return legs
end

-- Without traces: those of 100 calls are kept, however many there are.
local function measure_waiting(number, wait)
  local server = start(app.url .. "/wait" .. number, "trace = { calls = 0 }")
  hang_up(hold(server, 50)) -- warm
  local empty, legs = resident(server), hold(server, HELD)
  task.sleep(2)
  local per_call = (resident(server) - empty) / math.max(1, #legs)
  local before = cpu(server)
  task.sleep(4)
  local each = (cpu(server) - before) / 4 / #legs * 1e6
  row(("one that waits in %s (%d)"):format(wait[1], #legs),
    wait.sounds and "%.1f KB (aim %d), %.0f us CPU a second, %.1f us a packet"
      or "%.1f KB (aim %d), %.0f us CPU a second", per_call / 1024, wait.aim or 40, each, each / 50)
  hang_up(legs)
  stop(server)
end

local function measure_held()
  local server = start(app.url .. "/voice")
  run_calls(server, 50, {})
  kate_plays = true
  local empty, legs = resident(server), {}
  for i = 1, HELD do
    local call = alice:call(server.uri, { from = "h" .. i, timeout = 10 })
    legs[#legs + 1] = call
    if call then call.core:play { tone = "440", ms = 0 } end
  end
  task.sleep(5)
  local per_call = (resident(server) - empty) / math.max(1, #legs)
  local before = cpu(server)
  task.sleep(4)
  local share = (cpu(server) - before) / 4
  row(("memory of a held bridged call with RTP (%d)"):format(#legs), "%.1f KB (at most 100)",
    per_call / 1024)
  row("CPU of a relayed packet in them", "%.1f us", share / (#legs * 100) * 1e6)
  hang_up(legs)
  stop(server)
end

-- One request of the REST interface: its body.
local function rest(server, method, path, params)
  local response = assert(moonline.http.request {
    method = method, params = params, user = ACCOUNT, password = "secret", max_body = 1 << 22,
    url = ("http://%s/2010-04-01/Accounts/%s%s"):format(server.url, ACCOUNT, path),
  })
  assert(response.status == 200, response.body)
  return moonline.json.decode(response.body)
end

-- Does fn(i) so many times: a row of how long each took.
local function timed(name, count, fn)
  local times = {}
  for i = 1, count do
    local begun = task.clock()
    fn(i)
    times[i] = (task.clock() - begun) * 1000
  end
  row(name, "%.2f ms median, %.2f ms p99", percentile(times, 0.5), percentile(times, 0.99))
end

local function measure_rest()
  local server = start(app.url .. "/wait6")
  local legs, by_sid = hold(server, HELD), {}
  task.sleep(1)
  local calls = rest(server, "GET", "/Calls.json",
    { PageSize = 1000, Status = "in-progress" }).calls
  for i, call in ipairs(calls) do
    by_sid[call.from:match("sip:(h%d+)@")] = call.sid
    calls[i] = "/Calls/" .. call.sid .. ".json"
  end
  timed(("REST: a call is read (%d live)"):format(#legs), READS,
    function(i) rest(server, "GET", calls[i % #calls + 1]) end)
  timed("REST: a page of 50 calls", READS // 5,
    function() rest(server, "GET", "/Calls.json", { Status = "in-progress" }) end)
  timed("REST: from Status=completed to the BYE", math.min(READS, #legs), function(i)
    rest(server, "POST", "/Calls/" .. by_sid["h" .. i] .. ".json", { Status = "completed" })
    legs[i].box:wait({ "ended" }, 5)
  end)
  hang_up(legs)
  stop(server)
end

local function measure_webhooks()
  local server, legs = start(app.url .. "/hook"), {}
  hang_up(hold(server, 1)) -- warm
  hooked = {}
  local before, begun = cpu(server), task.clock()
  for i = 1, CHAINS do legs[i] = alice:begin(server.uri, { from = "w" .. i }) end
  for _, leg in ipairs(legs) do leg.box:wait({ "ended", "failed" }, 60) end
  local seconds, count = task.clock() - begun, 0
  for _, documents in pairs(hooked) do count = count + documents end
  row(("CPU of a webhook and its document (%d calls)"):format(CHAINS),
    "%.0f us; %.0f a second, with the web app on the other core",
    (cpu(server) - before) / count * 1e6, count / seconds)
  hang_up(legs)
  stop(server)
end

local function measure_streams()
  local server, legs = start(app.url .. "/stream"), {}
  for i = 1, STREAMS do
    legs[i] = assert(alice:call(server.uri, { from = "s" .. i, timeout = 10 }))
    legs[i].core:play { tone = "440", ms = 0 }
  end
  task.sleep(2)
  local empty, heard = cpu(server), legs[1].core:stats().received
  task.sleep(4)
  local share = (cpu(server) - empty) / 4 / STREAMS
  row(("CPU of a second of <Stream> both ways (%d)"):format(STREAMS), "%.2f ms, %d packets back",
    share * 1000, legs[1].core:stats().received - heard)
  for _, call in ipairs(legs) do
    call:hangup()
    call.core:close()
  end
  task.sleep(1)
  stop(server)
end

-- Generations with a script are loaded one after another in this process.
local function measure_loads()
  local LOADS <const> = 20
  local path = folder .. "/bench-line.lua"
  local file <close> = assert(io.open(path, "w"))
  file:write 'require("moonline").on("call", function(call) call:reject() end)\n'
  file:close()
  local server <close> = assert(moonline.server {
    sip = { listen = { "udp:127.0.0.1:0" } }, http = { listen = "127.0.0.1:0" },
    store = { path = folder .. "/loads" }, voice = { script = path },
  })
  moonline.log.setup "warning"
  local before = os.clock()
  for _ = 1, LOADS do
    assert(server:reload())
    task.sleep(0.01)
  end
  row("CPU of loading a generation", "%.1f ms (at most 20)", (os.clock() - before) / LOADS * 1e3)
end

local function measure_all_waiting()
  for number, wait in ipairs(waits) do measure_waiting(number, wait) end
end

for _, part in ipairs {
  { "start", measure_start }, { "loads", measure_loads }, { "calls", measure_calls },
  { "held", measure_held }, { "rest", measure_rest }, { "webhooks", measure_webhooks },
  { "waiting", measure_all_waiting }, { "streams", measure_streams },
} do
  if not arg[4] or arg[4] == part[1] then part[2]() end
end
os.execute("rm -rf '" .. folder .. "'")
os.exit(0)

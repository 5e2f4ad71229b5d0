-- What a simulated call costs, and the trace of a live one. Nothing here is a test.
--   moonline spec/bench/simulation.lua
local sys = require "moonline.core.sys"
local task = require "moonline.task"

local program = arg[-1] or "build/moonline"
local folder = os.tmpname()
os.remove(folder)
assert(sys.mkdir(folder))

local HOUR <const> = 3600
local CALLS <const> = 500 -- traced
local TRIES <const> = 3 -- the best counts

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  return folder .. "/" .. name
end

-- Seconds of CPU that children which have ended took.
local function children()
  local file <close> = assert(io.open "/proc/self/stat")
  local fields = {}
  for word in file:read("a"):match("%) (.*)$"):gmatch "%S+" do fields[#fields + 1] = word end
  return (fields[14] + fields[15]) / 100
end

local function run(argv)
  local box = task.mailbox()
  local begun, before = task.clock(), children()
  assert(sys.spawn(argv, { box = box, stdout = folder .. "/out" }))
  box:wait { "exited" }
  local file <close> = io.open(folder .. "/out")
  return task.clock() - begun, children() - before, file and file:read "a" or ""
end

local function row(name, format, ...)
  print(("%-46s %s"):format(name, format:format(...)))
end

local document = write("dial.xml", "<Response><Dial><Sip>kate@example.com</Sip></Dial></Response>")
local phones = {
  { "an hour, nothing to say", "kate { hangs_up_after = 3600 }", 1 },
  { "an hour of RTP both ways",
    'caller { sends = "always" } kate { sends = "always", hangs_up_after = 3600 }', 10 },
}
for _, one in ipairs(phones) do
  local wall, cpu = run { program, "run", document, "--phones", write("phones.lua", one[2]) }
  row(one[1], "%.2f s, %.2f s of CPU: %.0f virtual seconds a second of CPU (aim below %d s)", wall,
    cpu, HOUR / cpu, one[3])
end

local script = write("traced.lua", ([[
  local moonline = require "moonline"
  moonline.log.setup "error"
  local kate = assert(moonline.agent())
  kate:on("call", function(call) call:answer() call:wait({}, 2) end)
  local app
  app = assert(moonline.http.serve({}, function(request)
    if request.path ~= "/voice" then return "<Response><Hangup/></Response>" end
    return '<Response><Dial action="/after"><Sip>' .. kate:uri "kate" .. "</Sip></Dial></Response>"
  end))
  local server = assert(moonline.server { store = { path = "%s/store" }, auth_token = "bench",
    account_sid = "AC" .. ("0"):rep(32), http = { listen = "127.0.0.1:0" },
    sip = { listen = { "udp:127.0.0.1:0" } }, trace = { calls = tonumber(arg[1]) },
    voice = { url = app.url .. "/voice" }, limits = { resume_ms = 10000 } })
  local alice = assert(moonline.agent())
  for _ = 1, %d do
    local call = assert(alice:call(server:uri "line"))
    while not call.ended do
      if not require("moonline.task").catch(call.wait, call, {}, 10) then break end
    end
    call.core:close()
  end
  print(server.env.traces and server.env.traces:bytes() // %d or 0)
  for _, one in ipairs { alice, server, kate, app } do one:close() end
]]):format(folder, CALLS, CALLS))
local best, bytes = {}, nil
for _ = 1, TRIES do
  for _, kept in ipairs { "0", tostring(CALLS) } do
    local _, cpu, said = run { program, "--virtual", script, kept }
    best[kept], bytes = math.min(best[kept] or math.huge, cpu), said
  end
end
local with, without = best[tostring(CALLS)], best["0"]
row("trace of a bridged call with two webhooks", "%.1f KB, %.0f us of CPU (%d calls)",
  tonumber(bytes) / 1024, (with - without) / CALLS * 1e6, CALLS)
os.execute("rm -rf '" .. folder .. "'")

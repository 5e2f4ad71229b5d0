-- Too much to do: new calls are refused at once, those that are there are served on.
local process = require "support.process"
local served = require "support.served"
local sipp = require "support.sipp"

-- Its calls keep the loop busy, for 200 ms again and again, as long as they are there.
local BUSY = [[
local moonline = require "moonline"
moonline.on("call", function(call)
  call:answer()
  while true do
    local till = moonline.clock() + 0.2
    while moonline.clock() < till do end
    call:wait({ "digit" }, 0)
    moonline.sleep(0)
  end
end)
]]

local function busy_server(limit)
  local s = served.open { "--script", "busy.lua", "--set", "limits.lag_ms=" .. limit,
    "--set", "limits.resume_ms=1000" }
  process.write(s.folder .. "/busy.lua", BUSY)
  return s:ready()
end

local function caller(server, steps)
  return sipp.start(steps, { remote = "127.0.0.1:" .. server.port })
end

local function hangup(cseq)
  return sipp.request("BYE", { dialog = true, cseq = cseq }) .. sipp.recv(200)
end

local function lag(s)
  return tonumber(s:get("/metrics").body:match("\nmoonline_loop_lag_seconds (%S+)"))
end

describe("a loop that lags", function()
  it("SIP-16 new calls get 503 with Retry-After at once, in-dialog requests are served", function()
    local s <close> = busy_server(10)
    assert.is_true(lag(s) < 0.01)
    local one <close> = caller(s, { sipp.calling(), sipp.pause(2000),
      sipp.request("OPTIONS", { dialog = true, cseq = 2 }), sipp.recv(200), hangup(3) })
    process.eventually(function() return lag(s) > 0.015 end, "lag")
    for _ = 1, 3 do
      local two <close> = caller(s, { sipp.request("INVITE", { sdp = true }),
        sipp.refused(503, 1, { check = "Retry-After: [0-9]+" }) })
      two:done()
    end
    s.process:await("new calls are refused: the loop lags by %d+ ms %(limits.lag_ms is 10%)", "err")
    assert.equal(200, s:get("/ready").status)
    one:done()
    process.eventually(function() return lag(s) < 0.008 end, "the end of the lag")
    local three <close> = caller(s, { sipp.calling(), hangup(2) })
    three:done()
    assert.truthy(s.process:err():find("new calls are taken again", 1, true))
    assert.equal(0, s:stop())
  end)

  it("SIP-16 limits.lag_ms = 0: calls are taken, however it is", function()
    local s <close> = busy_server(0)
    local steps = { sipp.calling(), sipp.pause(600), hangup(2) }
    local one <close> = caller(s, steps)
    process.eventually(function() return lag(s) > 0.01 end, "lag")
    local two <close> = caller(s, steps)
    two:done()
    one:done()
  end)
end)

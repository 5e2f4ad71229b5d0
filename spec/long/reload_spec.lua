-- Live calls in real time, with audio, under a server that reloads its script again and again.
local changing = require "support.changing"
local fire = require "support.fire"
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"

local CALLS <const> = tonumber(os.getenv "FIRE_CALLS" or 200)
local RELOADS <const> = tonumber(os.getenv "FIRE_RELOADS" or 100)
local QUIET = 5 -- seconds without a reload: what this machine itself does to the audio

local function health(server)
  return moonline.json.decode((assert(server:get "/health")).body)
end

local function mark(server, kind)
  local now = health(server)
  return kind == "generation" and now.generation or (now.refused or {}).at
end

local function resident(server)
  local status = process.read(("/proc/%d/status"):format(server.process.pid))
  return tonumber(status:match "VmRSS:%s*(%d+)")
end

describe("reloads under fire in real time", function()
  it("L2 L3 drop no call and silence none", function()
    local folder <close> = changing.folder()
    local path = folder.path .. "/line.lua"
    local phone <close> = assert(moonline.agent())
    local kate <close> = assert(moonline.agent())
    local others = {}
    kate:on("call", function(call)
      others[#others + 1] = call
      fire.talks(call)
    end)
    changing.write(path, (fire.text(0, kate:uri "kate")))
    local server <close> = served.start({ "--script", path, "--set", "rtp.ports={20000,39998}" },
      { life = 600 })
    local function call(from)
      return phone:call(("sip:line@127.0.0.1:%d"):format(server.port), { from = from,
        timeout = 20 })
    end
    local legs = fire.calls(function() return call "alice" end, CALLS)
    moonline.sleep(1)
    fire.gap(legs)
    fire.gap(others)
    moonline.sleep(QUIET)
    local base = math.max(fire.gap(legs), fire.gap(others))
    local before = resident(server)
    local broken = fire.reload(path, kate:uri "kate", RELOADS, function(kind, write)
      local was, limit = mark(server, kind), moonline.clock() + 5
      write()
      while mark(server, kind) == was do
        assert(moonline.clock() < limit, "nothing was loaded")
        moonline.sleep(0.05)
      end
    end, function()
      return (select(3, call "new"))
    end)
    local gap = math.max(fire.gap(legs), fire.gap(others))
    fire.alive(legs)
    assert.equal(CALLS, #others)
    local grown = resident(server) - before
    print(("%d calls, %d reloads (%d broken)"):format(CALLS, RELOADS, broken))
    print(("longest gap %.0f ms, %.0f ms without reloads; memory %+d KB"):format(
      gap * 1e3, base * 1e3, grown))
    assert.is_true(gap <= math.max(0.04, base + 0.02))
    assert.is_true(grown < 16 * 1024)
    for _, leg in ipairs(legs) do leg:hangup() end
    moonline.sleep(1)
    assert.equal(0, health(server).calls)
    assert.equal(0, server:stop())
  end)
end)

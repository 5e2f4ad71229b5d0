-- Slow clients (slowhttptest) against the HTTP side, while a call talks: it hears nothing of them, others are
-- answered, and new calls are taken.
local moonline = require "moonline"
local process = require "support.process"
local served = require "support.served"
local task = require "moonline.task"

local SECONDS, CLIENTS = 7, 400
local TALK = '<Response><Dial>%s</Dial></Response>'

-- -H: headers that never end, -B: a body that never ends, -R: absurd ranges, -X: an answer read by drops.
local ATTACKS = {
  { "-H", "/health" }, { "-B", "/2010-04-01/Accounts" }, { "-R", "/health" },
  { "-X", "/metrics", "-w", "8", "-y", "16", "-n", "2", "-z", "2", "-k", "3" },
}

local function talk(call)
  call:answer()
  call.core:play { tone = "600", ms = 0 }
  while true do call:wait { "digit" } end
end

-- How long the answer took, asked from an address that attacks nobody.
local function ask(s)
  local begun = task.clock()
  local curl <close> = process.start { "curl", "-s", "-m", "5", "--interface", "127.0.0.2", "-o",
    "/dev/null", "-w", "%{http_code}", s.url .. "/health" }
  assert.equal(0, curl:exit())
  assert.equal("200", curl:out())
  return task.clock() - begun
end

describe("slow HTTP clients", function()
  for _, attack in ipairs(ATTACKS) do
    it("API-1 slowhttptest " .. attack[1] .. " harms no call and no other client", function()
      local s <close> = served.start {}
      local alice <close> = assert(moonline.agent())
      local kate <close> = assert(moonline.agent())
      kate:on("call", talk)
      s.web["/voice"] = TALK:format("<Sip>" .. kate:uri "kate" .. "</Sip>")
      local uri = "sip:line@127.0.0.1:" .. s.port
      local leg <close> = assert(alice:call(uri, { from = "alice" }))
      leg.core:play { tone = "440", ms = 0 }
      task.sleep(0.2)
      leg.core:stats()
      local line = { "slowhttptest", attack[1], "-c", CLIENTS, "-r", "400", "-i", "1", "-l",
        SECONDS, "-x", "10", "-p", "5", "-u", s.url .. attack[2] }
      table.move(attack, 3, #attack, #line + 1, line)
      for i, word in ipairs(line) do line[i] = tostring(word) end
      local slow <close> = process.start(line)
      local longest, until_ = 0, task.clock() + SECONDS - 1
      while task.clock() < until_ do
        longest = math.max(longest, ask(s))
        local one <close>, why, code = alice:call(uri, { from = "bob", timeout = 3 })
        if not one then error(("a new call: %s %s\n%s"):format(why, code, s.process:said())) end
        task.sleep(0.2)
      end
      local gap = leg.core:stats().gap
      print(("%s: %d clients, the longest answer %.0f ms, the longest gap of audio %.0f ms"):format(
        attack[1], CLIENTS, longest * 1000, gap * 1000))
      assert.is_true(longest < 1)
      assert.is_true(gap < 0.2)
      assert(not leg.box:wait({ "ended", "lost", "failed" }, 0), "the call was dropped")
      slow:signal "KILL"
      slow:exit()
      leg:hangup()
      assert.equal(0, s:stop())
    end)
  end
end)

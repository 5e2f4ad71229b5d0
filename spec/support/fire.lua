-- A script that changes again and again, into good ones and broken ones, under live calls.
local changing = require "support.changing"
local party = require "support.party"

local fire = {}

-- Callers talk to kate; "new" says which script took it, in the code of the refusal.
local GOOD = [[
local moonline = require "moonline"
moonline.on("call", function(call)
  if call.from:find "sip:new@" then return call:reject(%d) end
  call:answer()
  local kate <close> = call:dial "%s"
  call:bridge(kate)
end)
]]

-- Each is refused, or (the last) loads and fails with its calls.
local BROKEN = {
  "local x = = 1\n", "error 'at load'\n", "while true do end\n", "while true do pcall(error) end\n",
  "local t = {} while true do t[#t + 1] = {} end\n", "local s = ('x'):rep(1 << 40)\n",
  "local _ = ('a'):rep(1e5):find(('.-'):rep(20) .. 'b')\n",
}
local FAILS = [[
local count = 0
require("moonline").on("call", function() count = count + 1 if count > 1 then error "in a call" end
  while true do end
end)
]]

---What the file says at the nth reload, and what is to come of it: "generation" or "refused", and whether
---its calls fail.
function fire.text(n, kate)
  if n % 10 == 9 then return FAILS, "generation", true end
  if n % 10 == 3 or n % 10 == 6 then return BROKEN[(n * 7) // 10 % #BROKEN + 1], "refused" end
  return GOOD:format(400 + n % 60 + 5, kate), "generation", false, 400 + n % 60 + 5
end

---Kate, and every caller: they talk all the time.
function fire.talks(call)
  party.answer(call)
  call.core:play { tone = "440", ms = 0 }
  party.stay(call)
end

---@param begin fun(): moonline.Leg
---@param count integer
---@return moonline.Leg[]
function fire.calls(begin, count)
  local legs = {}
  for i = 1, count do
    legs[i] = assert(begin())
    legs[i].core:play { tone = "770", ms = 0 }
  end
  return legs
end

---Reloads count times. told(kind) waits until the server says so; ask() is the code a new caller gets.
---@return integer broken
function fire.reload(path, kate, count, told, ask)
  local broken = 0
  local now = 0
  for n = 1, count do
    local text, kind, fails, code = fire.text(n, kate)
    told(kind, function() changing.write(path, text) end)
    if kind == "refused" or fails then broken = broken + 1 end
    if fails then
      assert(ask() == 500, "a call of a script that loops")
      assert(ask() == 500, "a call of a script that throws")
    else
      now = code or now
      if n % 5 == 0 then assert(ask() == now, "a new call is not taken by the newest script") end
    end
  end
  return broken
end

---The longest silence that any of the legs heard since this was last asked, in seconds.
function fire.gap(legs)
  local longest = 0
  for _, leg in ipairs(legs) do
    local stats = leg.core:stats()
    if stats and stats.gap > longest then longest = stats.gap end
  end
  return longest
end

function fire.alive(legs)
  for _, leg in ipairs(legs) do
    assert(not leg.box:wait({ "ended", "lost", "failed" }, 0), "a call was dropped")
  end
end

return fire

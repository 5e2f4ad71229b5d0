-- Runs hostile scripts under a server beside a call that talks, which must not notice.
local changing = require "support.changing"
local hostile = require "support.hostile"
local lfs = require "lfs"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local trial = {}

local SCRIPT = [[
local moonline = require "moonline"
local bodies = require "bodies"
moonline.on("call", function(call)
  local number = call.to:match "n(%%d+)"
  if number then return bodies[tonumber(number)](call, moonline) end
  local kate <close> = call:dial "%s"
  call:bridge(kate)
end)
]]
local BOUND = [[
local run = require "bound"
return setmetatable({}, { __index = function(_, seed)
  return function(call, moonline) run(call, moonline, seed, 120) end
end })
]]

local PATIENCE = 3 -- seconds a hostile call may last before its caller hangs up
local WORST = 10 -- seconds of CPU for one, all that it makes others do included, under a sanitizer, too

local function talks(call)
  party.answer(call)
  call.core:play { tone = "440", ms = 0 }
  party.stay(call)
end

local function attack(s, number)
  local before = os.clock()
  local bad = s:begin { uri = s:uri("n" .. number), from = "bad" }
  local _ = bad.box:wait({ "ended", "canceled", "failed" }, PATIENCE)
  bad:hangup()
  bad.core:close()
  s.events = {} -- a handle that was told away goes with its event
  collectgarbage()
  local took = os.clock() - before
  if took > WORST then error(("script %d took %.1f s of CPU"):format(number, took), 0) end
end

-- A server whose script is made of `files`; fn(s, good) attacks.
local function under_fire(files, options, fn)
  local own <close> = changing.folder()
  local kate = assert(moonline.agent())
  kate:on("call", talks)
  for name, text in pairs(files) do changing.write(own.path .. "/" .. name, text) end
  changing.write(own.path .. "/line.lua", SCRIPT:format(kate:uri "kate"))
  options.voice = { script = own.path .. "/line.lua" }
  local here = lfs.currentdir()
  lfs.chdir(own.path) -- names of files that are made up must not litter the sources
  local _ <close> = setmetatable({}, { __close = function() lfs.chdir(here) end })
  local s <close> = stage.open(options)
  s.phones = { kate }
  local good = assert(s:call { from = "good" })
  fn(s, good)
  assert(party.audio(good, 1) > 45, "the call beside has no audio")
  assert(not good.box:wait({ "ended" }, 0), "the call beside has ended")
  good:hangup()
  local limit = moonline.clock() + 60
  while s.server:legs() > 0 and moonline.clock() < limit do
    s.server.generation:collect()
    moonline.sleep(0.1)
  end
  assert(s.server:legs() == 0, "legs are left") -- a script may go on; it ends with its generation
end

---Scripts made of hidden deeds, by seeds first to last.
function trial.scripts(first, last)
  under_fire({ ["bodies.lua"] = hostile.module(first, last) }, {}, function(s)
    for seed = first, last do attack(s, seed) end
  end)
end

---Scripts that call bound functions.
function trial.bound(first, last)
  local files = { ["bodies.lua"] = BOUND, ["bound.lua"] = changing.read "spec/support/bound.lua" }
  under_fire(files, { script = { trusted = true } }, function(s)
    for seed = first, last do attack(s, seed) end
  end)
end

return trial

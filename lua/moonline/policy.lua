-- The entry of a generation: what the server asks of the policy. Loading it loads every verb and
-- every script, so that what is broken is found now and not by a call.

local background = require "moonline.background"
local callback = require "moonline.webhook.callback"
local document = require "moonline.twiml.document"
local generation = require "moonline.core.generation"
local guard = require "moonline.core.guard"
local inbound = require "moonline.inbound"
local lfs = require "lfs"
local rest = require "moonline.rest"
local runtime = require "moonline.runtime"
local scripts = require "moonline.scripts"
local trace = require "moonline.trace"

require "moonline.call" -- what scripts and users' verbs do with a leg

local function read(path)
  local file <close>, why = io.open(path, "rb")
  if not file then error(why, 0) end
  return file:read("a")
end

-- The document of a file: read once a generation, and refused when it cannot run at all.
local function read_document(env, path)
  local text = read(path)
  local parsed, problems = document.parse(text, { mode = env.config.twiml.mode,
    elements = env.elements, several = env.config.dial.several, regions = env.config.sip.regions })
  if not parsed then
    local problem = problems[1]
    error(("%s:%d: %d %s"):format(path, problem.line, problem.code, problem.message), 0)
  end
  return text
end

-- All of the policy now: what is broken is found now and not by a call, and no call meets a file that
-- was changed since.
local function load_all()
  local own = package.searchpath("moonline.policy", package.path):match("^(.*)/[^/]*$")
  for _, folder in ipairs { "dial", "rest", "room", "twiml", "webhook" } do
    for entry in lfs.dir(own .. "/" .. folder) do
      local name = entry:match("^([%l_]+)%.lua$")
      if name then require("moonline." .. folder .. (name == "init" and "" or "." .. name)) end
    end
  end
end

local function prepare(env, route)
  if route.script then env.scripts[route.script] = scripts.load(route.script) end
  if route.twiml then env.documents[route.twiml] = read_document(env, route.twiml) end
end

return function(env)
  runtime.adopt(runtime.complete(env, env.observed and generation.notify or nil))
  load_all()
  guard.limit(env.config.limits)
  env.elements:load()
  env.scripts, env.documents = {}, {}
  callback.serve(env)
  prepare(env, env.config.voice)
  for _, route in pairs(env.config.numbers) do prepare(env, route) end

  local handlers = {}

  -- A call for us: a leg that was let in and got its 100.
  function handlers.incoming(core)
    inbound.run(env, core)
  end

  -- A request to the server's HTTP side; facts is what the server knows of itself.
  function handlers.request(request, facts)
    rest.answer(env, request, facts)
  end

  -- Somebody outside wants to know what happens, or nobody any more.
  function handlers.observe(on)
    if env.observed then return end
    env.notify = trace.notifier(env, on and generation.notify or nil)
  end

  -- A newer generation takes the calls from now on: what is in the background ends.
  handlers.retire = background.close

  -- The server is closed: nothing waits any longer, whatever for.
  function handlers.stop()
    background.close()
    env.records:leave()
    for call in pairs(env.live) do call.box:post { kind = "stop" } end
  end

  return handlers
end

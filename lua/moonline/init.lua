-- The public API: local moonline = require "moonline".

local call = require "moonline.call"
local background = require "moonline.background"
local client = require "moonline.client"
local core_xml = require "moonline.core.xml"
local known = require "moonline.options"
local media = require "moonline.core.media"
local runtime = require "moonline.runtime"
local scripts = require "moonline.scripts"
local task = require "moonline.task"

---@class moonline
local moonline = {
  version = require("moonline.core.sys").versions().version,
  log = require "moonline.log",
  json = require "dkjson",
  http = { get = client.get, post = client.post, request = client.request },
  media = { tone = media.tone },
  sleep = task.sleep, group = task.group, clock = task.clock, mailbox = task.mailbox,
}

local SERVER <const> = known.of("server", "observed", "lua")

---Starts fn(...) as a task.
---@param fn function
---@return moonline.Task
function moonline.spawn(fn, ...)
  return background.keep(task.spawn(fn, ...))
end

---Starts fn(...) after some seconds: a task that can be cancelled.
---@param seconds number
---@param fn function
---@return moonline.Task
function moonline.timer(seconds, fn, ...)
  return background.keep(task.after(seconds, fn, ...))
end

---Serves HTTP: fn(request) in a task of its own for each request; its result is the answer: a status, a
---text, both, TwiML, or a table, which becomes JSON.
---@param options { address: string?, port: integer?, certificate: string?, key: string? }
---@param fn fun(request: moonline.WebRequest): any
---@return moonline.WebServer?, string? why
function moonline.http.serve(options, fn)
  return background.keep(client.serve(options, fn))
end

moonline.xml = { parse = core_xml.parse }

moonline.twiml = { response = require("moonline.twiml.builder").response }

---Reads a document: nodes with checked attributes, or nil and the problems.
---@param text string
---@return moonline.Document?, table[] problems
function moonline.twiml.parse(text)
  local env = runtime.env()
  return require("moonline.twiml.document").parse(text, { mode = env.config.twiml.mode,
    elements = env.elements, several = env.config.dial.several })
end

---Runs a document, or the URL of one, on a call.
---@param leg moonline.Leg
---@param what string
function moonline.twiml.run(leg, what)
  leg:run(what)
end

---Settings of this program's own calls and requests: keys as in a configuration file. Comes first in a
---program; without it the defaults hold.
---@param values table
function moonline.configure(values)
  runtime.configure(values)
end

local own_agent

-- The endpoint of a program that did not open one itself: on the addresses of its configuration.
local function agent()
  if not own_agent then
    local why
    own_agent, why = moonline.agent { listen = runtime.env().config.sip.listen }
    if not own_agent then error(why, 0) end
  end
  return own_agent
end

---fn(call) for each incoming call, in a task of its own.
---@param event "call"
---@param fn fun(call: moonline.Leg)
function moonline.on(event, fn)
  if event ~= "call" then error(("on: there is no event %q (call)"):format(event), 2) end
  if type(fn) ~= "function" then error("on: a function expected", 2) end
  if scripts.on(event, fn) then return end
  if runtime.env().agent then error("on: only while the script is being loaded", 2) end
  agent():on(event, fn)
end

---fn(...) when something of that name happens; of several the highest priority goes first, and the
---first result that is not nil ends the chain.
---@param name string
---@param fn function
---@param priority number?
---@return fun() remove
function moonline.hook(name, fn, priority)
  return runtime.env().hooks:add(name, fn, priority)
end

---Waits for the first event of several legs.
---@param legs moonline.Leg[]
---@param kinds string[]? "digit"; nil: only for the end of one
---@param timeout number? seconds
---@return moonline.Leg? leg
---@return moonline.Event|"timeout" event kind "ended" when that leg is over
function moonline.wait(legs, kinds, timeout)
  local group <close> = task.group()
  for _, leg in ipairs(legs) do
    group:spawn(function()
      local fine, value = task.catch(leg.wait, leg, kinds or {})
      if fine then return leg, value end
      if value.leg == leg then return leg, { kind = "ended" } end
      return task.unwind(value)
    end)
  end
  return group:first(timeout)
end

---Places a call and waits for its answer.
---@param uri string
---@param options { from: string?, timeout: number?, headers: table?, username: string?, password: string?, region: string? }?
---@return moonline.Leg? leg
---@return "busy"|"no-answer"|"failed"|"canceled"|nil why
---@return integer|string|nil status
function moonline.call(uri, options)
  options = call.options(options)
  local env = runtime.env()
  if env.agent then return call.place(env, env.agent, uri, options) end
  return agent():call(uri, options)
end

---A SIP endpoint of one's own.
---@param options table?
---@return moonline.Phone?, string? why
function moonline.agent(options)
  return background.keep(require("moonline.agent").open(options))
end

---A whole server, as `moonline serve` runs it, in this program.
---@param configuration table keys as in a configuration file
---@param options { observed: boolean?, lua: string? }? lua: a folder of sources for the policy
---@return moonline.Server?, string? why
function moonline.server(configuration, options)
  options = SERVER(options)
  local config = require "moonline.config"
  local settings, problems = config.load { values = configuration, environment = {} }
  if not settings then return nil, config.format(problems[1]) end
  local ready, why = require("moonline.config.identity").ensure(settings)
  if not ready then return nil, why end
  return require("moonline.server").start(settings, options)
end

return moonline

-- The server: opens what calls stand on, keeps the generations of policy, hands each call and each
-- HTTP request to the newest, and ends in order.

local address = require "moonline.address"
local generation = require "moonline.core.generation"
local listen = require "moonline.listen"
local log = require "moonline.log"
local runtime = require "moonline.runtime"
local sys = require "moonline.core.sys"
local task = require "moonline.task"
local watch = require "moonline.watch"

local FAREWELL = 1 -- seconds that BYEs and CANCELs have for their answers
local QUEUE = 65536 -- calls that may wait for this task in one turn of the loop

---@class moonline.Server
---@field env moonline.Env
---@field box moonline.Mailbox
---@field addresses string[] "udp:127.0.0.1:5060"
---@field observers fun(event: table)[]
local Server = {}
Server.__index = Server
Server.__name = "moonline.Server"

local server = {}

-- ---- generations ------------------------------------------------------------------------------

-- "file:line: message" -> its parts. A module that does not compile is told by the one that requires
-- it, with its own place on the next line.
local function refusal(problem)
  local text = tostring(problem)
  text = (text:match("^error loading module [^\n]*\n%s*(.*)$") or text):match("^[^\n]*")
  local file, line, message = text:match("^(.-):(%d+):%s*(.*)$")
  return {
    file = file or "", line = tonumber(line) or 0, message = message or text, at = task.time(),
  }
end

local function shared(env)
  local copy = {}
  for _, name in ipairs { "config", "calls", "media", "client", "speech", "agent", "public_url" } do
    copy[name] = env[name]
  end
  copy.observed = env.observed
  return copy
end

---Loads the policy and the users' files again. A load that fails changes nothing.
---@return boolean ok
---@return string? why
function Server:reload()
  local fresh, problem = generation.load {
    entry = "moonline.policy", env = shared(self.env), box = self.box, lua = self.options.lua,
  }
  if not fresh then
    self.refused = refusal(problem)
    log.error("the policy is not loaded, calls go on with what was: %s", tostring(problem))
    self:tell { kind = "refused", text = problem }
    return false, problem
  end
  self.refused = nil
  local old = self.generation
  self.generation = fresh
  self.generations[fresh:number()] = fresh
  if old then
    old:deliver "retire"
    old:retire()
    log.info("generation %d of the policy takes the calls from now on", fresh:number())
  end
  self:tell { kind = "generation", generation = fresh:number() }
  return true
end

-- SIGHUP: the configuration, too. What only a start can change is told.
function Server:reload_configuration()
  if not self.options.reload then return self:reload() end
  local fresh, problems = self.options.reload()
  if not fresh then
    self.refused = refusal(require("moonline.config").format(problems[1]))
    return log.error("the configuration is not loaded: %s:%d: %s", self.refused.file,
      self.refused.line, self.refused.message)
  end
  local was = self.env.config
  self.env.config = fresh
  if not self:reload() then
    self.env.config = was
    return
  end
  self:watch_files()
end

function Server:watch_files()
  if self.watch then self.watch:close() end
  self.watch = watch.open(self.env.config, self.box, self.options.lua)
end

-- ---- events -----------------------------------------------------------------------------------

---Calls fn for all that is told: SIP messages, calls, verbs, webhooks, warnings (options.observed).
---@param fn fun(event: table)
function Server:observe(fn)
  self.observers[#self.observers + 1] = fn
end

function Server:tell(event)
  event.time = event.time or task.clock()
  for _, fn in ipairs(self.observers) do fn(event) end
end

local on = {}

function on.incoming(self, event)
  if not self.draining then
    self.generation:deliver("incoming", event.leg)
  else
    event.leg:reject(503, nil, { { "Retry-After", "10" } })
    event.leg:close()
  end
end

function on.request(self, event)
  self.generation:deliver("request", event.request, {
    version = sys.versions().version, uptime = math.floor(task.clock() - self.started),
    calls = self.env.agent:calls(), generation = self.generation:number(), refused = self.refused,
    draining = self.draining,
  })
end

function on.changed(self, event)
  self.watch:note(event.path)
end

function on.settled(self)
  self.watch:settled()
  self:reload()
end

on["generation-freed"] = function(self, event)
  self.generations[event.generation] = nil
  self:tell(event)
end

function on.signal(self, event)
  if event.name == "HUP" then return self:reload_configuration() end
  if self.draining then return self:stop() end
  self:drain()
end

function Server:step(event)
  local handler = on[event.kind]
  if handler then return handler(self, event) end
  self:tell(event)
end

-- ---- the end ----------------------------------------------------------------------------------

---No new calls; those that are may finish. on_idle (or the drain's end) stops the server.
function Server:drain()
  self.draining = true
  self.env.agent:admit(503)
  sys.notify "STOPPING=1"
  log.info("no new calls; %d may finish within %g s", self.env.agent:calls(),
    self.env.config.limits.drain)
  self.drained_at = task.clock() + self.env.config.limits.drain
end

-- All calls are told to end. Their BYEs get a moment for the answers.
function Server:stop()
  self.stopped_at = task.clock() + FAREWELL
  for _, one in pairs(self.generations) do one:deliver("stop") end
end

function Server:is_over()
  if self.stopped_at then
    return self.env.agent:legs() == 0 or task.clock() >= self.stopped_at
  end
  if not self.draining then return false end
  if self.env.agent:calls() == 0 and self.env.agent:legs() == 0 then return true end
  if task.clock() >= self.drained_at then self:stop() end
  return false
end

---Runs until it was told to end and all calls have ended.
function Server:run()
  while not self:is_over() do
    local event = self.box:wait(nil, self.draining and 0.1 or nil)
    if event then self:step(event) end
  end
end

---Ends everything at once.
function Server:close()
  if self.closed then return end
  self.closed = true
  if self.task then self.task:cancel() end
  if self.watch then self.watch:close() end
  for _, watcher in ipairs(self.signals or {}) do watcher:close() end
  if self.http then self.http:close() end
  for _, one in pairs(self.generations) do one:deliver("stop") end
  if self.env.agent then self.env.agent:admit(503) end
  for _, one in pairs(self.generations) do one:close() end
  runtime.close(self.env)
end

Server.__close = Server.close

-- ---- the beginning ----------------------------------------------------------------------------

---Opens a server. It takes calls when this returns; its tasks run until close.
---@param config table as moonline.config loads it, with account_sid and auth_token
---@param options { observed: boolean?, reload: function?, file: string?, lua: string? }? lua: a folder
---  of sources the policy is loaded from instead of the program's own
---@return moonline.Server?, string? why
function server.open(config, options)
  local env, why = runtime.open(config)
  if not env then return nil, why end
  local self = setmetatable({
    env = env, options = options or {}, box = task.mailbox(QUEUE), generations = {},
    observers = {}, started = task.clock(),
  }, Server)
  env.observed = self.options.observed
  local ok
  ok, why = listen.sip(self, config)
  if ok then ok, why = listen.http(self, config) end
  if ok then ok, why = self:reload() end
  if not ok then
    self:close()
    return nil, why
  end
  self:watch_files()
  env.agent:events(self.box)
  if self.options.observed then env.agent:trace(self.box) end
  return self
end

---A SIP URI that reaches this server.
---@param user string?
---@param index integer? of its addresses
---@return string
function Server:uri(user, index)
  return address.uri(self.addresses[index or 1], user)
end

---Parties it is talking to, callers and called: legs that are not over.
---@return integer
function Server:legs()
  return self.env.agent:legs()
end

---Opens a server and runs it in a task of its own.
---@return moonline.Server?, string? why
function server.start(config, options)
  local self, why = server.open(config, options)
  if not self then return nil, why end
  self.task = task.spawn(self.run, self)
  return self
end

---`moonline serve`: until SIGTERM and the last call.
---@param config table
---@param options table
---@return integer exit code
function server.serve(config, options)
  local self <close>, why = server.open(config, options)
  if not self then
    io.stderr:write("moonline: ", why, "\n")
    return 1
  end
  self.signals = {}
  for _, name in ipairs { "TERM", "INT", "HUP" } do
    self.signals[#self.signals + 1] = sys.signal(name, self.box)
  end
  sys.print(("ready sip=%s http=%s"):format(table.concat(self.addresses, ","),
    self.http_address or "off"))
  sys.notify "READY=1"
  self:run()
  return 0
end

return server

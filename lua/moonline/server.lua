-- The server: opens what calls stand on, keeps the generations of policy, hands each call and each
-- HTTP request to the newest, and ends in order.

local address = require "moonline.address"
local broadcast = require "moonline.broadcast"
local listen = require "moonline.listen"
local log = require "moonline.log"
local memory = require "moonline.memory"
local recovery = require "moonline.recovery"
local reload = require "moonline.reload"
local runtime = require "moonline.runtime"
local store = require "moonline.store"
local sys = require "moonline.core.sys"
local task = require "moonline.task"
local trunks = require "moonline.trunks"
local watch = require "moonline.watch"

local FAREWELL = 1 -- seconds for the answers to BYEs and CANCELs, and for our own to HTTP requests
local LOOK = 1 -- seconds: how often the end of a drain is looked for when nothing tells it
local GLANCE = 0.05 -- the same, for answers to BYEs
local RETRY_AFTER = "10" -- seconds a refused caller shall wait
local PRUNE = 3600 -- seconds between two looks for records that are too old
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

Server.reload = reload.policy

function Server:watch_files()
  local old = self.watch
  self.watch = watch.open(self.env.config, self.box, self.options.lua)
  if not old then return end
  for path in pairs(old.followed) do self.watch:follow(path) end
  old:close()
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
  if not self.draining and not memory.is_full(self) then
    return self.generation:deliver("incoming", event.leg)
  end
  event.leg:reject(503, nil, { { "Retry-After", RETRY_AFTER } })
  event.leg:close()
end

function on.request(self, event)
  self.generation:deliver("request", event.request, {
    version = sys.versions().version, uptime = math.floor(task.clock() - self.started),
    started = self.began,
    calls = self.env.agent:calls(), generation = self.generation:number(), refused = self.refused,
    draining = self.draining, store = self.env.records:health(),
    trunks = self.trunks:status(),
  })
end

-- Removes what is older, and more, than store.keep_days and store.max_mb allow.
function on.prune(self)
  local kept = self.env.config.store
  local before = kept.keep_days > 0 and task.time() - kept.keep_days * 86400 or 0
  self.env.records:prune(kept.path .. "/recordings", before, kept.max_mb * 1024 * 1024)
  self.pruning = task.timer(PRUNE, self.box, { kind = "prune" })
end

function on.changed(self, event)
  self.watch:note(event.path)
end

function on.settled(self)
  self.watch:settled()
  self:reload()
end

function on.file(self, event)
  if self.watch then self.watch:follow(event.path) end
end

function on.busy(self, event)
  self.busy[event.generation] = true
end

function on.idle(self, event)
  self.busy[event.generation] = nil
end

on["generation-freed"] = function(self, event)
  self.generations[event.generation] = nil
  self.busy[event.generation] = nil
  self:tell(event)
end

function on.reload(self)
  sys.notify(("RELOADING=1\nMONOTONIC_USEC=%d"):format(task.clock() * 1e6 // 1))
  reload.configuration(self)
  sys.notify "READY=1"
end

function on.drain(self)
  if not self.draining then self:drain() end
end

function on.signal(self, event)
  if self.draining then
    self.stopping = event.name ~= "HUP" or self.stopping
  elseif event.name == "HUP" then
    on.reload(self)
  else
    self:drain()
  end
end

function Server:step(event)
  local handler = on[event.kind]
  if handler then return handler(self, event) end
  self:tell(event)
end

-- ---- the end ----------------------------------------------------------------------------------

---No new calls; those that are may finish.
function Server:drain()
  self.draining = true
  self.env.agent:admit(503)
  self.trunks:leave()
  sys.notify "STOPPING=1"
  self:tell { kind = "draining" }
  self.drained_at = task.clock() + self.env.config.limits.drain
  log.info("no new calls; %d may finish within %g s", self.env.agent:calls(),
    self.env.config.limits.drain)
end

-- No call is live, and all about past ones was told, or tried: what waits for another try is on disk.
function Server:is_quiet()
  return self.env.agent:calls() == 0 and next(self.busy) == nil and self.env.records:busy() == 0
end

-- Waits for events until ready(), at most until a time; looks after each, and every so often.
function Server:run_until(ready, limit, step)
  while not ready(self) do
    local left = limit - task.clock()
    if left <= 0 then return end
    local event = self.box:wait(nil, math.min(left, step))
    if event then self:step(event) end
  end
end

---Runs until it was told to end and all calls have ended.
function Server:run()
  while not self.draining do self:step(self.box:wait()) end
  self:run_until(function() return self.stopping or self:is_quiet() end, self.drained_at, LOOK)
  if not self:is_quiet() then
    log.warning("%d calls are hung up", self.env.agent:calls())
    self.env.agent:hangup()
  end
  local limit = task.clock() + FAREWELL
  self:run_until(function()
    return self:legs() == 0 and self:is_quiet() and self.trunks:is_quiet()
  end, limit, GLANCE)
  self.broadcast:close()
  self:run_until(function() return not (self.http and self.http:is_answering()) end, limit, GLANCE)
end

---Ends everything at once.
function Server:close()
  if self.closed then return end
  self.closed = true
  if self.task then self.task:cancel() end
  if self.watch then self.watch:close() end
  if self.pruning then self.pruning:close() end
  self.broadcast:close()
  for _, watcher in ipairs(self.signals or {}) do watcher:close() end
  if self.http then self.http:close() end
  if self.trunks then self.trunks:close() end
  if self.env.agent then
    self.env.agent:admit(503)
    self.env.agent:hangup()
  end
  for _, one in pairs(self.generations) do
    one:deliver "stop"
    one:close()
  end
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
  local env, why = runtime.open(config, { records = true })
  if not env then return nil, why end
  local self = setmetatable({
    env = env, options = options or {}, box = task.mailbox(QUEUE), generations = {},
    busy = {}, observers = {}, started = task.clock(), began = task.time(),
  }, Server)
  self.broadcast = broadcast.open(self)
  env.observed, env.store = self.options.observed, store.new(env.records)
  local ok
  ok, why = listen.sip(self, config)
  if ok then ok, why = listen.http(self, config) end
  if ok then
    listen.refuse_own(self, env.client)
    ok, why = recovery.run(env)
  end
  if ok then ok, why = self:reload() end
  if not ok then
    self:close()
    return nil, why
  end
  self:watch_files()
  on.prune(self)
  self.trunks = trunks.open(self)
  local event = self.box:wait({ "file" }, 0)
  while event do
    on.file(self, event)
    event = self.box:wait({ "file" }, 0)
  end
  env.agent:events(self.box)
  if self.options.observed then env.agent:trace(self.box) end
  if env.traces then env.agent:keep(env.traces) end
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
---@param options { reload: function, problem: fun(text: string) }
---@return integer exit code
function server.serve(config, options)
  local self <close>, why = server.open(config, options)
  if not self then
    options.problem(tostring(why):match("^[^\n]*"))
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

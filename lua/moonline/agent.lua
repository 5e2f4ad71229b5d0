-- A SIP endpoint for Lua programs: takes and places calls. Fake phones of tests and demos are these.

local address = require "moonline.address"
local call = require "moonline.call"
local leg = require "moonline.leg"
local log = require "moonline.log"
local runtime = require "moonline.runtime"
local task = require "moonline.task"

---@class moonline.PhoneOptions
---@field listen string[]?
---@field users table<string, string>?
---@field allow string[]?
---@field tls table?
---@field codecs string[]?
---@field no_telephone_event boolean?
---@field telephone_event integer?
---@field resolve table<string, string>?

---@class moonline.Phone
---@field addresses string[] "udp:127.0.0.1:5060"
---@field core moonline.Agent
local Agent = {}
Agent.__index = Agent
Agent.__name = "moonline.Phone"

local agent = {}

local function serve(self, core)
  local own = leg.new(self.env, core, { direction = "inbound" })
  self.serving[task.current()] = true
  local _ <close> = task.closing(function()
    self.serving[task.current()] = nil
    own:hangup()
    own.core:close()
  end)
  local ok, value = task.catch(self.handlers.call, own)
  if not ok and value.kind ~= "hangup" then return task.unwind(value) end
end

local function take_calls(self)
  while true do
    local event = self.box:wait "incoming"
    if self.handlers.call then
      task.spawn(serve, self, event.leg):name("incoming call")
    else
      event.leg:reject(480)
    end
  end
end

---fn(call) for each incoming call, in a task of its own; the call is hung up when it returns.
---@param event "call"
---@param fn fun(call: moonline.Leg)
function Agent:on(event, fn)
  if event ~= "call" then error(("on: there is no event %q (call)"):format(event), 2) end
  self.handlers[event] = fn
end

---Places a call and waits for the answer.
---@param uri string
---@param options table? see moonline.call
---@return moonline.Leg?, string? why, integer|string|nil status
function Agent:call(uri, options)
  return call.place(self.env, self.core, uri, options)
end

---Places a call without waiting: a leg in state "calling".
---@param uri string
---@param options table?
---@return moonline.Leg?, string? why, string? detail
function Agent:begin(uri, options)
  return call.begin(self.env, self.core, uri, options or {})
end

---A SIP URI that reaches this agent.
---@param user string?
---@param index integer? of its addresses
---@return string
function Agent:uri(user, index)
  return address.uri(self.addresses[index or 1], user)
end

---Ends its calls and closes its transports.
function Agent:close()
  if self.closed then return end
  self.closed = true
  self.task:cancel()
  for one in pairs(self.serving) do one:cancel() end
  self.core:events(nil)
  self.core:close()
end

Agent.__close = Agent.close

---Opens transports.
---@param options moonline.PhoneOptions?
---@return moonline.Phone?, string? why
function agent.open(options)
  local env = runtime.env()
  local given = { listen = { "udp:127.0.0.1:0" }, allow = { "127.0.0.0/8", "::1/128" } }
  for name, value in pairs(options or {}) do given[name] = value end
  local core, why = runtime.agent(env, given)
  if not core then return nil, why end
  local self = setmetatable({
    env = setmetatable({ agent = core }, { __index = env }), core = core, box = task.mailbox(),
    handlers = {}, serving = {}, addresses = core:addresses(),
  }, Agent)
  core:events(self.box)
  self.task = task.spawn(take_calls, self)
  log.debug("an agent listens on %s", table.concat(self.addresses, ", "))
  return self
end

return agent

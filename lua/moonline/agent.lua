-- A SIP endpoint for Lua programs: takes and places calls. Fake phones of tests and demos are these.

local address = require "moonline.address"
local call = require "moonline.call"
local leg = require "moonline.leg"
local known = require "moonline.options"
local log = require "moonline.log"
local registration = require "moonline.registration"
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

local AGENT <const> = known.of("agent", "listen", "users", "allow", "tls", "codecs",
  "no_telephone_event", "telephone_event", "resolve", "dns", "session_expires", "user_agent",
  "advertise", "advertise_media", "max_calls")
local REGISTER <const> = known.of("register", "username", "password", "expires", "contact")

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
  return call.place(self.env, self.core, uri, call.options(options))
end

---Places a call without waiting: a leg in state "calling".
---@param uri string
---@param options table?
---@return moonline.Leg?, string? why, string? detail
function Agent:begin(uri, options)
  return call.begin(self.env, self.core, uri, call.options(options))
end

---A SIP URI that reaches this agent.
---@param user string?
---@param index integer? of its addresses
---@return string
function Agent:uri(user, index)
  return address.uri(self.addresses[index or 1], user)
end

---Logs in with a registrar, and stays so until the result is left: hold it with <close>, or call its
---leave(). close() lets go without a word, as the end of the agent does.
---@param uri string the user at the registrar: sip:alice@10.0.0.1
---@param options { username: string?, password: string?, expires: integer?, contact: string? }? username:
---  the user of the URI by default, as is the user of our contact
---@return moonline.Registration?, string? why, integer|string|nil detail
function Agent:register(uri, options)
  options = REGISTER(options)
  local user, domain = uri:match("^sips?:([^@]+)@(.+)$")
  if not user then error("register: a URI such as sip:alice@10.0.0.1 expected", 2) end
  local one = registration.open(self.core, {
    uri = uri:match("^sips?:") .. domain, aor = uri:match("^[^;?]*"),
    contact_user = options.contact or user, username = options.username or user,
    password = options.password, expires = options.expires,
  })
  local ok, why, detail = one:send()
  if not ok then
    one:close()
    return nil, why, detail
  end
  one:keep()
  self.registrations[one] = true
  return one
end

---Ends its calls and closes its transports.
function Agent:close()
  if self.closed then return end
  self.closed = true
  self.task:cancel()
  for one in pairs(self.registrations) do one:close() end
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
  for name, value in pairs(AGENT(options, 2)) do given[name] = value end
  local core, why = runtime.agent(env, given)
  if not core then return nil, why end
  local self = setmetatable({
    env = setmetatable({ agent = core }, { __index = env }), core = core, box = task.mailbox(),
    handlers = {}, serving = {}, registrations = {}, addresses = core:addresses(),
  }, Agent)
  core:events(self.box)
  self.task = task.spawn(take_calls, self)
  log.debug("an agent listens on %s", table.concat(self.addresses, ", "))
  return self
end

return agent

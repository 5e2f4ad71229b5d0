-- A stage for call stories: a real server, a web app, phones, all in this process over real sockets.
--
--   local s <close> = stage.open { sip = { ... } }       configuration on top of the stage's own
--   s.web["/voice"] = "<Response>...</Response>"          or fn(request) -> status/body
--   local kate = s:phone { }                              an agent; kate.uri for <Sip>
--   local call = s:call()                                 alice calls the server
-- close() waits until nothing is left of it and fails the test when something is.
local merge = require("moonline.sim.places").merge
local moonline = require "moonline"
local proof = require "support.proof"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local stage = {}

local Stage = {}
Stage.__index = Stage

-- What a process makes once and keeps must not count as left over by its first test.
local warm = false
local function warm_up()
  if warm then return end
  warm = true
  moonline.agent():close()
  moonline.http.get "http://127.0.0.1:1/" -- the counter of requests
  task.sleep(0)
end

local PATIENCE = 40 -- seconds of virtual time: finished transactions live 32 s

-- What must be back where it was: everything counted except what this test's task itself holds.
local function counts()
  collectgarbage()
  collectgarbage()
  return sys.counts()
end

local function settle(before)
  local deadline = task.clock() + PATIENCE
  while true do
    local now = counts()
    local left = {}
    for name, count in pairs(now) do
      local more = count - (before[name] or 0)
      if more > 0 then left[#left + 1] = ("%d %s"):format(more, name) end
    end
    if #left == 0 then return nil end
    if task.clock() > deadline then return table.concat(left, ", ") end
    task.sleep(0.2)
  end
end

local function answer(self, request)
  self.requests[#self.requests + 1] = request
  request.time = task.clock()
  self.arrived:post { kind = "request", request = request }
  local page = self.web[request.path]
  if page == nil then return 404, "no page " .. request.path end
  if type(page) == "function" then return proof.told(page(request)) end
  return proof.told(page)
end

---@param options table|(fun(url: string): table)|nil configuration; of a function: for the web app
---  at that URL
---@param server_options table? for moonline.server, beside `observed`
---@return table
function stage.open(options, server_options)
  options = options or {}
  warm_up()
  local self = setmetatable({ web = {}, requests = {}, phones = {}, legs = {}, before = counts(),
    arrived = task.mailbox(), events = {}, store = os.tmpname() }, Stage)
  os.remove(self.store)
  self.app = assert(moonline.http.serve({ max_body = 1 << 21 },
    function(request) return answer(self, request) end))
  if type(options) == "function" then options = options(self.app.url) end
  local voice = options.voice or {}
  local by_file = voice.script or voice.twiml
  local configuration = merge({
    account_sid = "AC00000000000000000000000000000001", auth_token = "secret",
    sip = { listen = { "udp:127.0.0.1:0" } }, http = { listen = "127.0.0.1:0" },
    rtp = { ports = { 20000, 39999 } },
    voice = { url = not by_file and self.app.url .. "/voice" or nil },
    store = { path = self.store },
  }, options)
  self.server = assert(moonline.server(configuration,
    merge({ observed = true }, server_options)))
  self.server:observe(function(event)
    if not self.closed then self.events[#self.events + 1] = event end
  end)
  return self
end

---The server's SIP URI for a user.
function Stage:uri(user, index)
  return self.server:uri(user or "line", index)
end

---A phone: an agent with a URI. fn(call), if given, takes its calls.
function Stage:phone(user, fn, options)
  local phone = assert(moonline.agent(options))
  self.phones[#self.phones + 1] = phone
  phone.address = phone:uri(user or "kate")
  if fn then phone:on("call", fn) end
  return phone
end

---Alice calls the server: the leg, answered or not.
function Stage:call(options)
  options = options or {}
  self.alice = self.alice or self:phone("alice", nil, options.phone)
  local leg, why, status = self.alice:call(options.uri or self:uri(), {
    from = options.from or "alice", headers = options.headers, timeout = options.timeout,
    display = options.display,
  })
  self.legs[#self.legs + 1] = leg
  return leg, why, status
end

---The same without waiting for the answer: a leg in state "calling".
function Stage:begin(options)
  options = options or {}
  self.alice = self.alice or self:phone("alice", nil, options.phone)
  local leg = assert(self.alice:begin(options.uri or self:uri(), {
    from = options.from or "alice", headers = options.headers, display = options.display,
  }))
  self.legs[#self.legs + 1] = leg
  return leg
end

---Waits for the next request to a path (from now on, or one that waits), in order of arrival.
function Stage:request(path, timeout)
  local kept = {}
  local limit = task.clock() + (timeout or 60)
  local found
  while not found do
    local event = self.arrived:wait({ "request" }, math.max(0, limit - task.clock()))
    if not event then break end
    if event.request.path == path then found = event.request else kept[#kept + 1] = event end
  end
  for _, event in ipairs(kept) do self.arrived:post(event) end
  if not found then error(("no request to %s within %g s"):format(path, timeout or 60), 2) end
  return found
end

---All requests to a path so far.
function Stage:requests_to(path)
  local list = {}
  for _, request in ipairs(self.requests) do
    if request.path == path then list[#list + 1] = request end
  end
  return list
end

---Observed events of a kind.
function Stage:seen(kind)
  local list = {}
  for _, event in ipairs(self.events) do
    if event.kind == kind then list[#list + 1] = event end
  end
  return list
end

---Has a warning of that number been given?
function Stage:warned(code)
  for _, event in ipairs(self:seen "warning") do
    if event.code == code then return event.text end
  end
  return nil
end

---Waits until no call is left, and each callback was tried.
function Stage:quiet(timeout)
  local limit = task.clock() + (timeout or 60)
  local env = self.server.env
  while env.agent:legs() > 0 or env.calls:count() > 0 or env.records:busy() > 0 do
    if task.clock() > limit then error("calls are left", 2) end
    task.sleep(0.05)
  end
end

function Stage:close()
  if self.closed then return end
  self.closed = true
  for _, leg in ipairs(self.legs) do
    leg:hangup()
    leg.core:close()
    while leg.box:wait(nil, 0) do end -- what nobody took: the test still holds the box
  end
  for _, phone in ipairs(self.phones) do phone:close() end
  self.server:close()
  self.app:close()
  os.execute("rm -rf '" .. self.store .. "'")
  local before = self.before
  for key in pairs(self) do if key ~= "closed" then self[key] = nil end end
  local left = settle(before)
  if left then error("left over: " .. left, 0) end
end

Stage.__close = function(self, failure)
  if failure then
    pcall(self.close, self)
  else
    self:close()
  end
end

---Twiml around verbs.
function stage.twiml(text)
  return '<?xml version="1.0" encoding="UTF-8"?>\n<Response>' .. text .. "</Response>"
end

return stage

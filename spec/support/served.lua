-- `moonline serve` as a process of its own, with a web app in this one.
--
--   local s <close> = served.open { "--http", "off" }
--   s.web["/voice"] = "<Response>...</Response>"       or fn(request) -> status/body
--   s.port                                              of its first SIP listener
local moonline = require "moonline"
local process = require "support.process"
local proof = require "support.proof"
local task = require "moonline.core.task"

local served = {}

local Served = {}
Served.__index = Served

local function answer(self, request)
  request.time = task.clock()
  self.requests[#self.requests + 1] = request
  self.arrived:post { kind = "request", request = request }
  local page = self.web[request.path]
  if page == nil then return 404, "no page " .. request.path end
  if type(page) == "function" then return proof.told(page(request)) end
  return proof.told(page)
end

---Arguments beyond those every server gets; a --sip, --http or --voice-url there wins. {app} is the
---web app's URL.
---@param arguments string[]?
---@param options { environment: table?, configuration: string?, bare: boolean?, life: number? }?
function served.open(arguments, options)
  arguments, options = arguments or {}, options or {}
  local self = setmetatable({ web = {}, requests = {}, arrived = task.mailbox(),
    folder = process.folder() }, Served)
  self.app = assert(moonline.http.serve({}, function(request) return answer(self, request) end))
  local given, line = {}, { process.moonline, "serve" }
  for _, word in ipairs(arguments) do given[word] = true end
  local function default(flag, value)
    if not given[flag] then
      line[#line + 1], line[#line + 2] = flag, value
    end
  end
  if options.configuration then
    self.file = process.write(self.folder .. "/moonline.conf", options.configuration)
    default("-c", self.file)
  end
  if not options.bare then
    default("--sip", "udp:127.0.0.1:0")
    default("--http", "127.0.0.1:0")
    if not (given["--script"] or given["--twiml"]) then
      default("--voice-url", self.app.url .. "/voice")
    end
  end
  line[#line + 1], line[#line + 2] = "--set", "store.path=" .. self.folder .. "/store"
  -- A machine that tests keep busy is no overload of ours.
  line[#line + 1], line[#line + 2] = "--set", "limits.lag_ms=0"
  for _, word in ipairs(arguments) do line[#line + 1] = (word:gsub("{app}", self.app.url)) end
  self.process = process.start(line, { environment = options.environment,
    directory = self.folder, life = options.life })
  return self
end

---Waits for the ready line, and reads the addresses in it.
function Served:ready()
  local sip, http = self.process:await("^ready sip=(%S+) http=(%S+)\n")
  self.addresses, self.http = {}, http
  for address in sip:gmatch("[^,]+") do self.addresses[#self.addresses + 1] = address end
  self.port = tonumber(self.addresses[1]:match("(%d+)$"))
  self.url = http ~= "off" and "http://" .. http or nil
  return self
end

---The next request to a path that was not taken yet.
function Served:request(path, timeout)
  local kept, found = {}, nil
  local limit = task.clock() + (timeout or 10)
  while not found do
    local event = self.arrived:wait({ "request" }, math.max(0, limit - task.clock()))
    if not event then break end
    if event.request.path == path then found = event.request else kept[#kept + 1] = event end
  end
  for _, event in ipairs(kept) do self.arrived:post(event) end
  if not found then
    error(("no request to %s\n%s"):format(path, self.process:said()), 2)
  end
  return found
end

---Its requests are forgotten: the next test begins.
function Served:fresh()
  self.web, self.requests = {}, {}
  self.arrived:drop("request")
end

---GET of its HTTP side.
function Served:get(path)
  return moonline.http.get(self.url .. path)
end

---Ends it in order: its exit status.
function Served:stop()
  self.process:signal("TERM")
  return self.process:exit()
end

function Served:close()
  if self.closed then return end
  self.closed = true
  self.process:close()
  self.app:close()
  process.remove(self.folder)
end

Served.__close = Served.close

---A server that takes calls.
function served.start(arguments, options)
  return served.open(arguments, options):ready()
end

return served

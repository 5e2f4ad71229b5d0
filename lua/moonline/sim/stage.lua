-- A simulation: a server with one incoming call, phones for all whom it dials, and a web application
-- for what it asks, all in this process over real SIP, RTP and HTTP on loopback.

local background = require "moonline.background"
local client = require "moonline.client"
local phones = require "moonline.sim.phones"
local task = require "moonline.task"

---@class moonline.SimStage
---@field events table[] all that happened, in time order
---@field failed boolean a document failed
---@field store string folder
local Stage = {}
Stage.__index = Stage
Stage.__name = "moonline.SimStage"

local stage = {}

local REGIONS = { "us1", "us2", "ie1", "de1", "sg1", "jp1", "br1", "au1" }
local TYPES = { xml = "text/xml", wav = "audio/wav", mp3 = "audio/mpeg", txt = "text/plain" }
local LONGEST = 4 * 3600 -- seconds that a call may take

-- ---- the web application ----------------------------------------------------------------------

-- A file of the document's folder; else an empty document.
local function page(folder, request)
  local name = request.path:match("^/([%w_%-]+%.?%w*)$")
  for _, tail in ipairs { "", ".xml" } do
    local file <close> = name and io.open(folder .. "/" .. name .. tail, "rb")
    local text = file and file:read("a")
    if text then
      local kind = (name .. tail):match("%.(%w+)$")
      return 200, text, { ["Content-Type"] = TYPES[kind] or "text/plain" }
    end
  end
  return 200, "<Response/>"
end

-- ---- who is who -------------------------------------------------------------------------------

local function called(call)
  return (call.to:match("^sips?:([^@]*)@") or call.to:gsub("^sips?:", ""))
end

-- SIP messages of the phones' one agent belong to the phone that the call is for.
function Stage:name(event)
  if event.kind ~= "message" then return end
  local call_id = event.text:match("\n[Cc]all%-[Ii][Dd]%s*:%s*([^\r\n]+)")
    or event.text:match("\n[Ii]%s*:%s*([^\r\n]+)")
  local name = event.text:match("^INVITE sips?:([^@;> ]+)@")
  if event.sent and name and not self.parties[call_id] then self.parties[call_id] = name end
  if event.remote:find(self.phones_at, 1, true) then
    event.remote = self.parties[call_id] or event.remote
  end
end

function Stage:saw(event)
  self:name(event)
  event.time = event.time or task.clock()
  self.events[#self.events + 1] = event
  if event.kind == "failure" then self.failed = true end
  if event.kind == "call" and not self.first then self.first = event.call end
  local leg = self.legs[event.call] or event.call == self.first and self.caller_leg
  if event.kind == "play" then
    event.at = leg and (self.names[event.call] or "caller") or nil
    local keys = leg and event.said and phones.hears(leg, self.specs[event.at], event.said)
    if keys then
      self.events[#self.events + 1] = { kind = "digit", time = event.time, digit = keys,
        from = event.at, to = "moonline", call = event.call }
    end
  end
end

-- ---- the course of it -------------------------------------------------------------------------

local function open_phones(self)
  local agent = assert(require("moonline.agent").open())
  self.phones, self.phones_at = agent, agent.addresses[1]:match("(%d+%.%d+%.%d+%.%d+:%d+)$")
  agent:on("call", function(call)
    local sid, name = call.headers["x-twilio-callsid"] or call.sid, called(call)
    self.legs[sid], self.names[sid] = call, name
    phones.take(call, self.specs[name])
  end)
end

local function configuration(self, options)
  local regions = {}
  for _, name in ipairs(REGIONS) do
    regions[name] = { proxy = ("sip:%s;lr"):format(self.phones_at) }
  end
  return {
    account_sid = "AC00000000000000000000000000000001", auth_token = "simulation",
    sip = { listen = { "udp:127.0.0.1:0", "tcp:127.0.0.1:0" }, regions = regions },
    http = { listen = "127.0.0.1:0" }, store = { path = options.store },
    webhook = { divert = self.app.url },
    voice = options.script and { script = options.script }
      or { url = options.url or ("%s/%s"):format(self.app.url, options.document), method = "GET" },
  }
end

---Opens it.
---@param options { store: string, folder: string, document: string?, script: string?, url: string?, phones: table<string, moonline.SimPhone> }
---@return moonline.SimStage?, string? why
function stage.open(options)
  local self = setmetatable({ events = {}, legs = {}, names = {}, parties = {}, failed = false,
    specs = options.phones, store = options.store }, Stage)
  open_phones(self)
  self.app = background.keep(assert(client.serve({}, function(request)
    return page(options.folder, request)
  end)))
  local why
  self.server, why = require("moonline").server(configuration(self, options), { observed = true })
  if not self.server then
    self:close()
    return nil, why
  end
  self.server:observe(function(event) self:saw(event) end)
  return self
end

---Plays the call to its end.
---@return string? why it was not taken
function Stage:play()
  local spec = self.specs.caller or {}
  self.caller = assert(require("moonline.agent").open())
  local leg, why, status = self.caller:begin(self.server:uri(spec.dials or "moonline"),
    { from = spec.from or "caller" })
  if not leg then return why .. " " .. status end
  self.caller_leg = leg
  local taken, word, code = require("moonline.call").await(leg, LONGEST)
  if taken then
    task.catch(phones.calls, leg, spec)
  end
  leg:close()
  local limit = task.clock() + LONGEST
  while self.server:legs() > 0 or not self.server:is_quiet() do
    if task.clock() > limit then return "calls are left" end
    task.sleep(0.05)
  end
  return not taken and ("%s (%s)"):format(word, code) or nil
end

function Stage:close()
  for _, name in ipairs { "caller", "server", "phones", "app" } do
    if self[name] then self[name]:close() end
  end
end

Stage.__close = Stage.close

return stage

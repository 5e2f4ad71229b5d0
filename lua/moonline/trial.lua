-- Tries out documents, verbs and scripts on calls: a server, a web app and a caller in this program, over
-- real SIP and RTP on loopback. `moonline --virtual my_spec.lua` takes no time for what waits.
--
--   local trial = require "moonline.trial"
--   trial.test("<Survey> posts the key", { verbs = "verbs" }, function(t)
--     t.web["/scored"] = "<Response><Hangup/></Response>"
--     t:call '<Survey say="How was it?" action="/scored"/>'
--     t:press "4"
--     assert(t:request("/scored").Score == "4")
--   end)

local moonline = require "moonline"
local task = require "moonline.task"

local trial = {}

---@class moonline.Trial
---@field web table<string, string|fun(request: moonline.WebRequest): any> path -> document, or who answers
---@field url string of the web app
---@field server moonline.Server
---@field events table[] all that the server told so far
---@field caller moonline.Leg? the caller's side of the last call
local Trial = {}
Trial.__index = Trial
Trial.__name = "moonline.Trial"

local PATIENCE = 3600 -- seconds that anything may take; in virtual time they cost nothing

local function response(text)
  return text:find("<Response", 1, true) and text or ("<Response>%s</Response>"):format(text)
end

local function answer(self, request)
  self.box:post { kind = "request " .. request.path, params = request.params, request = request }
  local page = self.web[request.path]
  if page == nil then return 404, "no page " .. request.path end
  if type(page) == "function" then return page(request) end
  return page
end

local function configuration(self, options)
  local own = {
    sip = { listen = { "udp:127.0.0.1:0" } }, http = { listen = "127.0.0.1:0" },
    store = { path = self.store }, account_sid = "AC" .. ("0"):rep(32), auth_token = "trial",
    voice = { url = self.url .. "/voice" },
  }
  for name, value in pairs(options) do
    if name ~= "verbs" then own[name] = value end
  end
  if options.verbs then
    local folders = type(options.verbs) == "table" and options.verbs or { options.verbs }
    own.twiml = setmetatable({ verbs = folders }, { __index = own.twiml })
  end
  return own
end

---Opens one. Hold it with <close>.
---@param options { verbs: string|string[]? }? verbs: folders of your verbs; else keys of the configuration
---@return moonline.Trial
function trial.open(options)
  local self = setmetatable({ web = {}, events = {}, box = task.mailbox(), store = os.tmpname() },
    Trial)
  os.remove(self.store)
  self.app = assert(moonline.http.serve({}, function(request) return answer(self, request) end))
  self.url = self.app.url
  self.server = assert(moonline.server(configuration(self, options or {}), { observed = true }))
  self.server:observe(function(event)
    self.events[#self.events + 1] = event
    if event.kind == "call-ended" then self.box:post { kind = "over", status = event.status } end
  end)
  self.phone = assert(moonline.agent())
  return self
end

---The caller calls, and this document runs. Waits for the answer.
---@param text string? a document, or the verbs of one; nil: what web["/voice"] or the script says
---@return moonline.Leg? caller the caller's side
---@return string? why "busy", "failed" ... when the call was not taken
---@return integer? status
function Trial:call(text)
  if text then self.web["/voice"] = response(text) end
  local why, status
  self.caller, why, status = self.phone:call(self.server:uri "line", { from = "caller" })
  return self.caller, why, status
end

---The caller presses keys; returns when they are sent, or the call is over.
---@param keys string
function Trial:press(keys)
  local ok, value = task.catch(self.caller.send_digits, self.caller, keys)
  if not ok and value.leg ~= self.caller then task.unwind(value) end
end

-- The next event of that kind; the others stay.
local function take(self, kind, what)
  local event = self.box:wait({ kind }, PATIENCE)
  if not event then error(("%s within %d s"):format(what, PATIENCE), 3) end
  return event
end

---Waits for the next request of that path.
---@param path string
---@return table<string, string> params
---@return moonline.WebRequest request
function Trial:request(path)
  local event = take(self, "request " .. path, "no request to " .. path)
  return event.params, event.request
end

---Waits until the call is over.
---@return string status CallStatus: "completed", "busy" ...
function Trial:ended()
  return take(self, "over", "the call did not end").status
end

---Was this said to the caller?
---@param text string or a part of it
---@return boolean
function Trial:said(text)
  for _, event in ipairs(self.events) do
    if event.kind == "sound" and event.say and event.say:find(text, 1, true) then return true end
  end
  return false
end

---Was a warning of that number given? Its text.
---@param code integer
---@return string?
function Trial:warned(code)
  for _, event in ipairs(self.events) do
    if event.kind == "warning" and event.code == code then return event.text end
  end
  return nil
end

---Ends the call and the server.
function Trial:close()
  if self.closed then return end
  self.closed = true
  if self.caller then self.caller:close() end
  self.phone:close()
  self.server:close()
  self.app:close()
  os.execute("rm -rf '" .. self.store .. "'")
end

Trial.__close = Trial.close

---Runs fn(t) with an open trial, and says so. An error in it ends the program with status 1.
---@param name string
---@param options table? see trial.open
---@param fn fun(t: moonline.Trial)
function trial.test(name, options, fn)
  moonline.log.setup "warning"
  local t <close> = trial.open(options)
  local ok = task.catch(fn, t)
  if not ok then error(name .. ": ended by the hangup of a call that it held", 0) end
  print("ok - " .. name)
end

return trial

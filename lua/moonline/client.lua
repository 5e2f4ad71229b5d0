-- HTTP for scripts: requests that wait for their answer, and a web server of one's own.

local core = require "moonline.core.http"
local crypto = require "moonline.core.crypto"
local fields = require "moonline.fields"
local guard = require "moonline.core.guard"
local json = require "dkjson"
local known = require "moonline.options"
local log = require "moonline.log"
local request = require "moonline.webhook.request"
local runtime = require "moonline.runtime"
local signature = require "moonline.webhook.signature"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local client = {}

local REQUEST <const> = known.of("http.request", "url", "method", "params", "headers", "user",
  "password", "timeout", "max_body", "save")
local SERVE <const> = known.of("http.serve", "address", "port", "certificate", "key", "max_body",
  "header_timeout")

---One request; redirects are followed. user and password are sent as Basic credentials.
---@param options { url: string, method: string?, params: table?, headers: table?, user: string?, password: string?, timeout: number?, max_body: integer?, save: string? }
---@return { status: integer, headers: table<string, string>, body: string, url: string, type: string }? response
---@return integer? code Twilio's, such as 11205
---@return string? message
function client.request(options)
  options = REQUEST(options)
  local env, headers = runtime.env(), fields.list(options.headers)
  if options.user then
    local basic = crypto.base64(options.user .. ":" .. (options.password or ""))
    headers[#headers + 1] = { "Authorization", "Basic " .. basic }
  end
  return request.fetch(env, {
    url = options.url, method = options.method or "GET", params = fields.list(options.params),
    headers = headers, unsigned = true, save = options.save,
    max_body = options.max_body, timeout = options.timeout,
  })
end

---@param target string
---@param params table?
---@return table? response, integer? code, string? message
function client.get(target, params)
  return client.request { url = target, params = params }
end

---@param target string
---@param params table? form fields
---@return table? response, integer? code, string? message
function client.post(target, params)
  return client.request { url = target, method = "POST", params = params }
end

---A request to one's own web server.
---@class moonline.WebRequest
---@field method string
---@field path string
---@field url string as the client asked for it
---@field params table<string, string> of the query and of a form
---@field headers table<string, string> lower-case names
---@field body string
---@field core moonline.HttpRequest
local WebRequest = {}
WebRequest.__index = WebRequest
WebRequest.__name = "moonline.WebRequest"

---@param status integer
---@param body string?
---@param headers table? Content-Type is text/xml for a body that begins with "<", else text/plain
function WebRequest:respond(status, body, headers)
  local list, has_type = fields.list(headers), false
  for _, header in ipairs(list) do has_type = has_type or header[1]:lower() == "content-type" end
  if body and not has_type then
    list[#list + 1] = { "Content-Type", body:match("^%s*<") and "text/xml" or "text/plain" }
  end
  local ok, why = self.core:respond(status, list, body)
  self.core:close()
  return ok, why
end

---A WebSocket that a client opened: messages come in, and go out.
---@class moonline.WebSocket
---@field over table? how it ended: { why: string, code: integer?, text: string }
local WebSocket = {}
WebSocket.__index = WebSocket
WebSocket.__name = "moonline.WebSocket"

---@param message string
---@param binary boolean?
---@return boolean?, string? why "closed"
function WebSocket:send(message, binary)
  return self.core:send(message, binary)
end

---The next message; nil when it is closed, or "timeout".
---@param timeout number? seconds
---@return string? message, "closed"|"timeout"|nil why
function WebSocket:receive(timeout)
  if self.over then return nil, "closed" end
  local event = self.box:wait({ "message", "closed" }, timeout)
  if not event then return nil, "timeout" end
  if event.kind == "message" then
    if not self.let_go then self.core:took() end
    return event.message
  end
  self.over = event
  return nil, "closed"
end

---for message in socket:messages() do ... end, until it is closed.
function WebSocket:messages()
  return function() return (self:receive()) end
end

---Bytes that the client has not taken yet.
---@return integer
function WebSocket:queued()
  return self.core:queued()
end

---The closing handshake.
---@param code integer? 1000, or 3000 to 4999
---@param reason string?
function WebSocket:close(code, reason)
  if self.let_go then return end
  self.core:finish(code or 1000, reason)
  if not self.over then
    repeat local message = self:receive(3) until not message
  end
  self.let_go = true
  self.core:close()
end

---Ends it at once, without a handshake: the client sees the connection break.
function WebSocket:drop()
  if self.let_go then return end
  self.let_go = true
  self.core:close()
  self.box:post { kind = "closed", why = "dropped", text = "dropped" }
end

WebSocket.__close = function(self) self:close() end

---Answers a request for a WebSocket with one; nil when it asks for none.
---@return moonline.WebSocket?, string? why
function WebRequest:websocket()
  local box = task.mailbox()
  local core_socket, why = self.core:upgrade(box)
  if not core_socket then return nil, why end
  self.core:close()
  return setmetatable({ core = core_socket, box = box }, WebSocket)
end

---Does it carry the X-Twilio-Signature of who knows this auth token?
---@param token string
---@return boolean
function WebRequest:is_signed(token)
  local form = self.method == "POST" and self.form or nil
  local wanted = signature.of(token, self.url, form)
  return crypto.equal(self.headers["x-twilio-signature"] or "", wanted)
end

local function web_request(core_request, scheme)
  local info = core_request:info()
  if not info then return nil end
  local self = setmetatable({
    core = core_request, method = info.method, path = info.path, target = info.target,
    peer = info.peer, body = info.body, headers = {}, params = {}, list = {},
  }, WebRequest)
  for _, header in ipairs(info.headers) do self.headers[header[1]:lower()] = header[2] end
  local upgrades = (self.headers.upgrade or ""):lower() == "websocket"
  scheme = upgrades and scheme:gsub("^http", "ws") or scheme
  self.url = ("%s://%s%s"):format(scheme, self.headers.host or "", info.target)
  local kind = self.headers["content-type"] or ""
  local is_form = kind:match("^application/x%-www%-form%-urlencoded")
  self.form = url.parse_form(is_form and info.body or "")
  for _, list in ipairs { url.parse_form(info.query or ""), self.form } do
    for _, pair in ipairs(list) do
      self.params[pair[1]] = pair[2]
      self.list[#self.list + 1] = pair
    end
  end
  return self
end

-- What a handler returns: a status, a body, both, TwiML of the builder, a table for JSON, or nothing
-- when it has answered itself.
local function respond(one, status, body, headers)
  if status == nil then return end
  if type(status) ~= "number" then status, body, headers = 200, status, body end
  if type(body) == "table" and not (getmetatable(body) or {}).__tostring then
    body = json.encode(body)
    headers = headers or { ["Content-Type"] = "application/json" }
  end
  one:respond(status, body ~= nil and tostring(body) or "", headers)
end

---@class moonline.WebServer
---@field port integer
---@field url string "http://127.0.0.1:8080"
local WebServer = {}
WebServer.__index = WebServer
WebServer.__name = "moonline.WebServer"

function WebServer:close()
  self.task:cancel()
  self.core:close()
end

WebServer.__close = WebServer.close

-- The task holds the server: it serves until it is closed.
local function serve(self, fn)
  while true do
    local event = self.box:wait "request"
    task.spawn(function()
      local one = web_request(event.request, self.scheme)
      if not one then return end
      local ok, problem = guard.root(function() respond(one, fn(one)) end)
      if ok then return end
      log.error("%s %s: %s", one.method, one.path, problem)
      one:respond(500, "the script failed")
    end):name("web request")
  end
end

---Serves HTTP: fn(request) in a task of its own for each request; its result is the answer.
---@param options { address: string?, port: integer?, certificate: string?, key: string? }
---@param fn fun(request: moonline.WebRequest): any
---@return moonline.WebServer?, string? why
function client.serve(options, fn)
  options = SERVE(options, 2)
  local server, why, text = core.server(options)
  if not server then return nil, text or why end
  local scheme = options.certificate and "https" or "http"
  local self = setmetatable({
    core = server, box = task.mailbox(), port = server:port(), scheme = scheme,
    url = ("%s://%s:%d"):format(scheme, options.address or "127.0.0.1", server:port()),
  }, WebServer)
  server:events(self.box)
  self.task = task.spawn(serve, self, fn)
  return self
end

return client

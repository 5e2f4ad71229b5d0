-- A running server, as the commands that talk to it see it: its REST interface.

local config = require "moonline.config"
local crypto = require "moonline.core.crypto"
local fields = require "moonline.fields"
local house = require "moonline.core.house"
local json = require "dkjson"
local request = require "moonline.webhook.request"
local runtime = require "moonline.runtime"
local subscription = require "moonline.subscription"

---@class moonline.Remote
---@field url string
---@field account string
local Remote = {}
Remote.__index = Remote
Remote.__name = "moonline.Remote"

local remote = {}

-- Exit codes of the commands.
local FAILED, USAGE, UNREACHABLE, REFUSED = 1, 2, 69, 77
local PATIENCE = 60 -- seconds for an answer
local LARGEST = 16 * 1024 * 1024 -- bytes of an answer

---Where the server is and who asks: options of every command that talks to one.
---@param parser table
function remote.define(parser)
  parser:option("--url", "The server (MOONLINE_URL, or http://127.0.0.1:8080)."):argname("URL")
  parser:option("--account", "Account sid (MOONLINE_ACCOUNT_SID)."):argname("SID")
  parser:option("--token", "Auth token (MOONLINE_AUTH_TOKEN)."):argname("TOKEN")
  parser:flag("--json", "Print JSON.")
end

-- What went wrong, for the one who typed the command.
local function problem(code, text)
  return { exit = code, text = text }
end

local function explain(status, body)
  local text = type(body) == "table" and body.message or "the server answered " .. status
  if type(body) == "table" and body.code then text = ("%s (%d)"):format(text, body.code) end
  return problem((status == 401 or status == 403) and REFUSED or FAILED, text)
end

-- The URL of a path, as request has it.
local function locate(self, path)
  return self.url .. (path:match("^/(/.*)$") or "/2010-04-01/Accounts/" .. self.account .. path)
end

local function authorization(self)
  return "Basic " .. crypto.base64(self.account .. ":" .. self.token)
end

-- One request: the whole response, whatever its body is. Raises when it fails.
local function exchange(self, hook)
  hook.unsigned, hook.max_body = true, LARGEST
  hook.headers = { { "Authorization", authorization(self) } }
  local response, _, why = request.fetch(self.env, hook)
  if not response then error(problem(UNREACHABLE, "no server: " .. why), 0) end
  if response.status >= 300 then
    error(explain(response.status, json.decode(response.body)), 0)
  end
  return response
end

-- The decoded body of the answer. null: what stands for null in it.
local function send(self, hook, null)
  local response = exchange(self, hook)
  return response.body ~= "" and json.decode(response.body, 1, null) or nil
end

---One request. Raises what the command ends with when it fails (remote.run catches it).
---@param method string
---@param path string below the account, "/Calls.json"; or a whole path that begins with "//"
---@param form table?
---@return table|nil body
function Remote:request(method, path, form)
  return send(self, { url = locate(self, path), method = method, params = fields.list(form) })
end

---What is at a path, as it is. Raises like request.
---@param path string
---@return string body
function Remote:read(path)
  return exchange(self, { url = locate(self, path), method = "GET", params = {} }).body
end

---Runs Lua on the server. Raises as request does when it cannot even begin.
---@param session string whose globals it has
---@param text string
---@return moonline.ConsoleAnswer
function Remote:run(session, text)
  return send(self, { url = locate(self, "//v1/console?Session=" .. session), method = "POST",
    params = {}, body = text, type = "application/x-lua" }, json.null)
end

---What happens on the server from now on. Raises as request does.
---@return moonline.Subscription it has __close
function Remote:events()
  local stream, answer = subscription.open(self.env.client, locate(self, "//v1/events"),
    { "Authorization: " .. authorization(self) })
  if stream then return stream end
  if answer.failure then error(problem(UNREACHABLE, "no server: " .. answer.text), 0) end
  error(explain(answer.status, answer.body and json.decode(answer.body)), 0)
end

local function open(options)
  local settings = config.load { environment = {} }
  local self = setmetatable({
    url = (options.url or os.getenv "MOONLINE_URL" or "http://127.0.0.1:8080"):gsub("/+$", ""),
    account = options.account or os.getenv "MOONLINE_ACCOUNT_SID",
    token = options.token or os.getenv "MOONLINE_AUTH_TOKEN",
  }, Remote)
  if not (self.account and self.token) then
    error(problem(USAGE, "who asks? --account and --token, or MOONLINE_ACCOUNT_SID and "
      .. "MOONLINE_AUTH_TOKEN, are expected (the server keeps both in its store, file account)"), 0)
  end
  settings.webhook.deny, settings.webhook.timeout = {}, PATIENCE
  local client, why = runtime.client(settings)
  if not client then error(problem(FAILED, why), 0) end
  self.env = { client = client, config = settings, counters = house.counters() }
  return self
end

---Runs fn(server) and turns what fails into a line and an exit code.
---@param options table of the command line
---@param out moonline.Output
---@param fn fun(server: moonline.Remote): integer?
---@return integer exit code
function remote.run(options, out, fn)
  local self
  local ok, result = xpcall(function()
    self = open(options)
    return fn(self) or 0
  end, function(fault) return type(fault) == "table" and fault or debug.traceback(fault) end)
  if self then self.env.client:close() end
  if ok then return result end
  if type(result) ~= "table" or not result.exit then error(result, 0) end
  out.problem(result.text)
  return result.exit
end

return remote

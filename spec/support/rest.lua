-- The REST interface of a stage's server, as a client sees it.
local crypto = require "moonline.core.crypto"
local json = require "dkjson"
local moonline = require "moonline"
local request = require "moonline.webhook.request"
local runtime = require "moonline.runtime"
local subscription = require "moonline.subscription"

local rest = {}

local ACCOUNT = "AC00000000000000000000000000000001"

---One request below the account: status, the decoded body, and the response itself.
---@param s table the stage
---@param method string
---@param path string "/Calls.json"
---@param params table? form fields, or query of a GET: { name = value } or { { name, value }, ... }
---@param options { user: string?, password: string?, whole: boolean? }? whole: path is the whole path
function rest.request(s, method, path, params, options)
  options = options or {}
  local response, code, why = moonline.http.request {
    method = method, params = params, user = options.user or ACCOUNT,
    password = options.password or "secret",
    url = "http://" .. s.server.http_address
      .. (options.whole and path or "/2010-04-01/Accounts/" .. ACCOUNT .. path),
  }
  if not response then error(("%s %s: %s %s"):format(method, path, code, why), 2) end
  local body = response.body ~= "" and moonline.json.decode(response.body) or nil
  return response.status, body, response
end

---@param s table
---@param path string
---@param params table?
function rest.get(s, path, params)
  return rest.request(s, "GET", path, params)
end

---@param s table
---@param path string
---@param params table?
function rest.post(s, path, params)
  return rest.request(s, "POST", path, params)
end

local function basic()
  return "Basic " .. crypto.base64(ACCOUNT .. ":secret")
end

---Lua for /v1/console: status and the decoded answer.
---@param s table
---@param text string
---@param options { session: string?, type: string? }?
function rest.console(s, text, options)
  options = options or {}
  local response, code, why = request.fetch(runtime.env(), {
    url = ("http://%s/v1/console?Session=%s"):format(s.server.http_address, options.session or "a"),
    method = "POST", params = {}, body = text, type = options.type or "application/x-lua",
    headers = { { "Authorization", basic() } }, unsigned = true, timeout = 60, max_body = 1 << 20,
  })
  if not response then error(("console: %s %s"):format(code, why), 2) end
  return response.status, json.decode(response.body)
end

---Reads /v1/events: it has __close.
---@param s table
---@param last string? id of the last event that was seen
---@return moonline.Subscription?, moonline.Event? response
function rest.events(s, last)
  return subscription.open(runtime.env().client, "http://" .. s.server.http_address .. "/v1/events",
    { "Authorization: " .. basic(), last and "Last-Event-ID: " .. last or "Accept: */*" })
end

return rest

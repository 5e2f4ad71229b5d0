-- The REST interface of a stage's server, as a client sees it.
local moonline = require "moonline"

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

return rest

-- The HTTP side of the server: finds the resource of a path, asks for credentials where it wants
-- them, and lets it answer. One file per resource in this folder.

local crypto = require "moonline.core.crypto"
local form = require "moonline.rest.parts.form"
local json = require "dkjson"
local lfs = require "lfs"

---What the file of a resource returns.
---@class moonline.Resource
---@field paths string[]? Lua patterns of the whole path; their captures go to the methods
---@field account string[]? the same below an account's path of Twilio's API, with and without .json
---@field open boolean? no credentials
---@field GET fun(env: moonline.Env, reply: moonline.Reply, facts: table, ...)?
---@field POST fun(env: moonline.Env, reply: moonline.Reply, facts: table, ...)?
---@field DELETE fun(env: moonline.Env, reply: moonline.Reply, facts: table, ...)?

local rest = {}

local ACCOUNT = "^/2010%-04%-01/Accounts/(AC%x+)"

---@class moonline.Reply
---@field request moonline.HttpRequest
---@field info table of the request: method, path, query, headers, body, peer
local Reply = {}
Reply.__index = Reply

---@param status integer
---@param value any encoded as JSON
---@param headers string[][]?
function Reply:json(status, value, headers)
  local all = { { "Content-Type", "application/json" } }
  for _, header in ipairs(headers or {}) do all[#all + 1] = header end
  self.request:respond(status, all, json.encode(value) .. "\n")
end

---An error in the shape of Twilio's.
---@param status integer
---@param code integer
---@param message string
---@param headers string[][]?
function Reply:fail(status, code, message, headers)
  self:json(status, { code = code, message = message, status = status,
    more_info = "https://www.twilio.com/docs/errors/" .. code }, headers)
end

---Nothing is at this path.
function Reply:missing()
  self:fail(404, 20404, ("The requested resource %s was not found"):format(self.info.path))
end

---Done, and nothing to say.
function Reply:nothing()
  self.request:respond(204, {}, "")
end

---The form of a POST; of other requests, their query.
---@return moonline.Form
function Reply:form()
  return form.read(self.info.method == "POST" and self.info.body or self.info.query or "")
end

---A header of the request.
---@param wanted string lower case
---@return string?
function Reply:header(wanted)
  for _, one in ipairs(self.info.headers) do
    if one[1]:lower() == wanted then return one[2] end
  end
  return nil
end

---@param path string
---@param kind string
function Reply:file(path, kind)
  self.request:file(path, kind)
end

local resources

local function load_resources()
  local own, found = package.searchpath("moonline.rest", package.path), {}
  for entry in lfs.dir(own:match("^(.*)/[^/]*$")) do
    local name = entry:match("^(%l+)%.lua$")
    if name and name ~= "init" then found[#found + 1] = require("moonline.rest." .. name) end
  end
  return found
end

-- Were good credentials given? Else answers. Who gave wrong ones too often is locked out for a while,
-- also with good ones: nobody shall learn by trying.
local function is_authorized(env, reply)
  local wait = reply.request:locked()
  if wait then
    reply:fail(429, 20429, "too many wrong credentials came from your address",
      { { "Retry-After", ("%d"):format(wait) } })
    return false
  end
  local given = (reply:header "authorization" or ""):match("^[Bb]asic%s+(%S+)$")
  local text = given and crypto.unbase64(given)
  if crypto.equal(text or "", env.config.account_sid .. ":" .. env.config.auth_token) then
    return true
  end
  if reply:header "authorization" then reply.request:strike() end
  reply:fail(401, 20003, "Authenticate", { { "WWW-Authenticate", 'Basic realm="moonline"' } })
  return false
end

local function match(resource, path)
  for _, pattern in ipairs(resource.paths or {}) do
    local captures = table.pack(path:match(pattern))
    if captures[1] then return captures end
  end
  local plain = path:gsub("%.json$", "")
  for _, tail in ipairs(resource.account or {}) do
    local captures = table.pack(plain:match(ACCOUNT .. tail .. "$"))
    if captures[1] then
      captures.account = table.remove(captures, 1)
      captures.n = captures.n - 1
      return captures
    end
  end
  return nil
end

local function find(path)
  resources = resources or load_resources()
  for _, resource in ipairs(resources) do
    local captures = match(resource, path)
    if captures then return resource, captures end
  end
  return nil
end

-- Keeps the place of an error, and a fault of the request as it is.
local function told(problem)
  return form.is_fault(problem) and problem or debug.traceback(problem, 2)
end

---Answers a request.
---@param env moonline.Env
---@param request moonline.HttpRequest
---@param facts table what the server knows of itself
function rest.answer(env, request, facts)
  local info = request:info()
  if not info then return end -- the client is gone
  local reply = setmetatable({ request = request, info = info }, Reply)
  local resource, captures = find(info.path)
  if not resource then return reply:missing() end
  if not resource.open and not is_authorized(env, reply) then return end
  if captures.account and captures.account ~= env.config.account_sid then
    return reply:missing()
  end
  local method = info.method == "HEAD" and "GET" or info.method
  local answer = resource[method]
  if type(answer) ~= "function" or not method:match("^%u+$") then
    return reply:fail(405, 20004, info.method .. " is not possible here")
  end
  local fine, fault = xpcall(answer, told, env, reply, facts, table.unpack(captures, 1, captures.n))
  if fine then return end
  if form.is_fault(fault) then return reply:fail(fault.status, fault.code, fault.message) end
  reply:fail(500, 20500, "an internal error, told in the log")
  error(fault, 0)
end

return rest

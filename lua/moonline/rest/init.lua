-- The HTTP side of the server: finds the resource of a path, asks for credentials where it wants
-- them, and lets it answer. One file per resource in this folder.

local crypto = require "moonline.core.crypto"
local json = require "dkjson"
local lfs = require "lfs"

---What the file of a resource returns.
---@class moonline.Resource
---@field paths string[] Lua patterns of the whole path; their captures go to the methods
---@field open boolean? no credentials
---@field GET fun(env: moonline.Env, reply: moonline.Reply, facts: table, ...): any

local rest = {}

---@class moonline.Reply
---@field request moonline.HttpRequest
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

local function header(info, wanted)
  for _, one in ipairs(info.headers) do
    if one[1]:lower() == wanted then return one[2] end
  end
  return nil
end

local function is_authorized(env, info)
  local given = (header(info, "authorization") or ""):match("^[Bb]asic%s+(%S+)$")
  local text = given and crypto.unbase64(given)
  local wanted = env.config.account_sid .. ":" .. env.config.auth_token
  return crypto.equal(text or "", wanted)
end

local function find(path)
  resources = resources or load_resources()
  for _, resource in ipairs(resources) do
    for _, pattern in ipairs(resource.paths) do
      local captures = table.pack(path:match(pattern))
      if captures[1] then return resource, captures end
    end
  end
  return nil
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
  if not resource then return reply:fail(404, 20404, info.path .. " was not found") end
  if not resource.open and not is_authorized(env, info) then
    return reply:fail(401, 20003, "Authenticate",
      { { "WWW-Authenticate", 'Basic realm="moonline"' } })
  end
  local method = info.method == "HEAD" and "GET" or info.method
  local answer = resource[method]
  if type(answer) ~= "function" or not method:match("^%u+$") then
    return reply:fail(405, 20004, info.method .. " is not possible here")
  end
  return answer(env, reply, facts, table.unpack(captures, 1, captures.n))
end

return rest

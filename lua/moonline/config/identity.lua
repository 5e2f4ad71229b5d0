-- The account's sid and token: those of the configuration, else made once and kept in the store.

local crypto = require "moonline.core.crypto"
local sys = require "moonline.core.sys"

local identity = {}

local NAMES = { "account_sid", "auth_token" }

local function read(path)
  local known = {}
  local file <close> = io.open(path, "r")
  for line in (file and file:read("a") or ""):gmatch("[^\n]+") do
    local name, value = line:match("^(%l+_%l+)=(%w+)$")
    if name then known[name] = value end
  end
  return known
end

-- Only the owner may read it: the empty file gets its mode first, the secret goes in afterwards.
local function write(path, known)
  local file <close>, why = io.open(path, "w")
  if not file then return nil, why end
  local box = require("moonline.core.task").mailbox()
  local child = sys.spawn({ "chmod", "600", path }, { box = box, timeout = 5 })
  local event = child and box:wait("exited", 6)
  if not event or event.status ~= 0 then return nil, path .. ": its mode cannot be set" end
  for _, name in ipairs(NAMES) do
    if known[name] then file:write(name, "=", known[name], "\n") end
  end
  return true
end

---Fills in account_sid and auth_token. Waits; call it in a task.
---@param config table
---@return table? config the same table; nil when the store cannot be written
---@return string? why
function identity.ensure(config)
  if config.account_sid and config.auth_token then return config end
  local path = config.store.path .. "/account"
  local known = read(path)
  local made = {
    account_sid = known.account_sid or "AC" .. crypto.random_hex(16),
    auth_token = known.auth_token or crypto.random_hex(16),
  }
  if not (known.account_sid and known.auth_token) then
    local ok, why = sys.mkdir(config.store.path)
    if ok then ok, why = write(path, made) end
    if not ok then return nil, why end
  end
  for _, name in ipairs(NAMES) do config[name] = config[name] or made[name] end
  return config
end

return identity

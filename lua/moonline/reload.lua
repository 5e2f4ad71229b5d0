-- A new configuration for a running server: what takes effect at once, and what waits for a start.

local reload = {}

-- Read when transports, threads and folders are opened. What is not named here is policy, and is
-- read by each call.
local AT_START = {
  "sip.listen", "sip.advertise", "sip.tls", "sip.allow", "sip.users", "sip.resolve", "sip.dns",
  "sip.session_expires", "rtp.listen", "rtp.advertise", "rtp.ports", "rtp.timeout", "http.listen",
  "media.threads", "media.codecs", "store.path", "limits.calls",
}

-- The HTTP client is made of these.
local CLIENT = { "deny", "allow", "resolve", "ca" }

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

---Puts the values that only a start can change back to what they are.
---@param was table the configuration in use
---@param fresh table is changed
---@return string[] keys that were set to something else
function reload.settle(was, fresh)
  local kept = {}
  for _, key in ipairs(AT_START) do
    local group, name = key:match("^(.*)%.(.*)$")
    if not same(was[group][name], fresh[group][name]) then
      kept[#kept + 1] = key
      fresh[group][name] = was[group][name]
    end
  end
  return kept
end

---Does this configuration need another HTTP client?
---@param was table
---@param fresh table
---@return boolean
function reload.needs_client(was, fresh)
  for _, name in ipairs(CLIENT) do
    if not same(was.webhook[name], fresh.webhook[name]) then return true end
  end
  return false
end

return reload

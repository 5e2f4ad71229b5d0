-- X-Twilio-Signature: HMAC-SHA1 over the URL and the sorted parameters of a POST.

local crypto = require "moonline.core.crypto"
local url = require "moonline.webhook.url"

local signature = {}

local STANDARD = { http = "80", https = "443" }

---The URL as it is signed: without fragment, without a standard port.
---@param text string
---@return string
function signature.url(text)
  local parts = url.parse(text)
  if not parts then return text end
  parts.fragment = nil
  if parts.port == STANDARD[parts.scheme] then parts.port = nil end
  return url.format(parts)
end

---@param token string the account's auth token
---@param target string the URL requested, with the query of a GET
---@param params string[][]? { name, value } pairs of a POST form; nil for a GET
---@return string base64
function signature.of(token, target, params)
  local values, names = {}, {}
  for _, pair in ipairs(params or {}) do
    local name, value = pair[1], tostring(pair[2])
    if not values[name] then
      values[name] = {}
      names[#names + 1] = name
    end
    values[name][value] = true
  end
  table.sort(names)
  local text = { signature.url(target) }
  for _, name in ipairs(names) do
    local unique = {}
    for value in pairs(values[name]) do unique[#unique + 1] = value end
    table.sort(unique)
    for _, value in ipairs(unique) do text[#text + 1] = name .. value end
  end
  return crypto.base64(crypto.hmac_sha1(token, table.concat(text)))
end

return signature

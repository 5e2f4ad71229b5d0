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
  local keys, signed = {}, {}
  for i, pair in ipairs(params or {}) do
    local name, value = pair[1], tostring(pair[2])
    keys[i] = name .. "\0" .. value -- sorts by name, then by value
    signed[keys[i]] = name .. value
  end
  table.sort(keys)
  local text, last = { signature.url(target) }, nil
  for _, key in ipairs(keys) do
    if key ~= last then text[#text + 1] = signed[key] end
    last = key
  end
  return crypto.base64(crypto.hmac_sha1(token, table.concat(text)))
end

return signature

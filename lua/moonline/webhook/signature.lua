-- X-Twilio-Signature: HMAC-SHA1 over the URL and the sorted parameters of a POST.

local crypto = require "moonline.core.crypto"
local http = require "moonline.core.http"
local memo = require "moonline.memo"
local url = require "moonline.webhook.url"

local signature = {}

local STANDARD = { http = "80", https = "443" }

---The URL as it is signed: without fragment, without a standard port.
---@type fun(text: string): string
signature.url = memo(function(text)
  local parts = url.parse(text)
  if not parts then return text end
  parts.fragment = nil
  if parts.port == STANDARD[parts.scheme] then parts.port = nil end
  return url.format(parts)
end)

---@param token string the account's auth token
---@param target string the URL requested, with the query of a GET
---@param params string[][]? { name, value } pairs of a POST form; nil for a GET
---@return string base64
function signature.of(token, target, params)
  local text = signature.url(target) .. (params and http.signed_form(params) or "")
  return crypto.base64(crypto.hmac_sha1(token, text))
end

return signature

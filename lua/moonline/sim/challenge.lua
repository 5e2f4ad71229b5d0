-- A phone that asks for credentials (RFC 2617, MD5 with qop=auth).

local crypto = require "moonline.core.crypto"

local challenge = {}

local REALM <const> = "phone"

-- code -> header of the challenge, and of the answer as a leg names it.
local HEADERS = {
  [401] = { "WWW-Authenticate", "authorization" },
  [407] = { "Proxy-Authenticate", "proxy-authorization" },
}

local function md5(...)
  return crypto.hex(crypto.digest("md5", table.concat({ ... }, ":")))
end

local function parameter(header, name)
  return header:match("[%s,]" .. name .. '="([^"]*)"')
    or header:match("[%s,]" .. name .. "=([^%s,]+)")
end

-- Does the header prove that its sender knows the password?
local function is_right(header, spec)
  local function get(name) return parameter(header, name) or "" end
  local secret = md5(spec.username, REALM, spec.password)
  local wanted = md5(secret, get "nonce", get "nc", get "cnonce", get "qop",
    md5("INVITE", get "uri"))
  return get "username" == spec.username and crypto.equal(get "response", wanted)
end

---The headers of a refusal, nil when the call brings the right credentials.
---@param call moonline.Leg
---@param spec { username: string, password: string, code: integer? }
---@return integer? code
---@return string[][]? headers
function challenge.of(call, spec)
  local code = spec.code or 401
  local header = call.headers[HEADERS[code][2]]
  if header and is_right(header, spec) then return nil end
  return code, { { HEADERS[code][1],
    ('Digest realm="%s", nonce="%s", qop="auth", algorithm=MD5'):format(REALM,
      crypto.random_hex(8)) } }
end

return challenge

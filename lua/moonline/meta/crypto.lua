---@meta moonline.core.crypto
---Results are raw bytes unless the name says hex or base64.
---@class moonline.core.crypto
local crypto = {}
---@param key string
---@param data string
---@return string
function crypto.hmac_sha1(key, data) end
---@param name "md5"|"sha1"|"sha256"
---@param data string
---@return string
function crypto.digest(name, data) end
---@param raw string
---@return string
function crypto.hex(raw) end
---@param raw string
---@return string
function crypto.base64(raw) end
---@param text string
---@return string? raw nil when it is not base64
function crypto.unbase64(text) end
---2n lower-case hex digits (from the seeded sequence in simulation).
---@param n integer bytes
---@return string
function crypto.random_hex(n) end
---Compares in constant time.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end
return crypto

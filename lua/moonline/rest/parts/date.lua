-- Times of the store as the API writes them: RFC 2822, or null.

local json = require "dkjson"
local params = require "moonline.webhook.params"

---@param seconds number|string|nil since 1970
---@return string|userdata
return function(seconds)
  local number = tonumber(seconds)
  return number and params.date(number) or json.null
end

-- Numbers drawn from the seed.

local crypto = require "moonline.core.crypto"

---A number as it is; of { least, most } one between them, in steps of a millisecond.
---@param range number|number[]
---@return number
return function(range)
  if type(range) == "number" then return range end
  local share = tonumber(crypto.random_hex(4), 16) / 0xffffffff
  return math.floor((range[1] + (range[2] - range[1]) * share) * 1000 + 0.5) / 1000
end

-- Numbers drawn from the seed of a call. Each depends on what it is for and how often that was drawn, not
-- on what else was drawn before: what happens at the same moment may draw in any order.

local crypto = require "moonline.core.crypto"

local draw = {}

---A drawer: draw(what, range) is a number as it is, or of { least, most } one between them, in steps of
---a millisecond.
---@param seed integer
---@return fun(what: string, range: number|number[]): number
function draw.of(seed)
  local drawn = {}
  return function(what, range)
    if type(range) == "number" then return range end
    drawn[what] = (drawn[what] or 0) + 1
    local bytes = crypto.digest("md5", ("%d %s %d"):format(seed, what, drawn[what]))
    local share = ("I4"):unpack(bytes) / 0xffffffff
    return math.floor((range[1] + (range[2] - range[1]) * share) * 1000 + 0.5) / 1000
  end
end

return draw

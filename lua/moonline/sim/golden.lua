-- A ladder that is kept in a file: the call must give the same, byte for byte.

local failure = require "moonline.sim.failure"

local golden = {}

-- The first line in which two texts differ.
local function difference(old, new)
  local rest = (new .. "\n"):gmatch "([^\n]*)\n"
  local number = 0
  for line in (old .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local other = rest()
    if line ~= other then return number, line, other or "the end" end
  end
  return number + 1, "the end", rest() or "the end"
end

local function timeless(ladder)
  return (ladder:gsub("%f[^\n%z] *%d+%.%d%d%d ", ""))
end

---Writes the file when it is asked to; else compares.
---@param path string
---@param ladder string
---@param options { update: boolean?, real_time: boolean? }? real_time: times do not count
---@return moonline.SimFailure?
function golden.check(path, ladder, options)
  options = options or {}
  if options.update then
    local file <close> = assert(io.open(path, "wb"))
    file:write(ladder)
    return nil
  end
  local file <close> = io.open(path, "rb")
  local old = file and file:read "a"
  if old and options.real_time then old, ladder = timeless(old), timeless(ladder) end
  if old == ladder then return nil end
  if not old then
    return failure.of(("there is no ladder %s (moonline test --update writes it)"):format(path))
  end
  local line, expected, actual = difference(old, ladder)
  return failure.of("the ladder is another one (moonline test --update takes it over)", expected,
    actual, path, line)
end

return golden

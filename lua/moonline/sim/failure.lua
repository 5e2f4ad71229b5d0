-- An expectation of a scenario that was not met: what was expected, and what there was instead.

---@class moonline.SimFailure
---@field message string
---@field expected string?
---@field actual string?
---@field file string?
---@field line integer?
local Failure = {}
Failure.__index = Failure
Failure.__name = "moonline.SimFailure"

local failure = {}

---@param message string
---@param expected any
---@param actual any
---@param file string?
---@param line integer?
---@return moonline.SimFailure
function failure.of(message, expected, actual, file, line)
  return setmetatable({ message = message, expected = expected and tostring(expected),
    actual = actual and tostring(actual), file = file, line = line }, Failure)
end

---Raises one. Its place is the line of `file` from which all this was called.
---@param file string
---@param message string
---@param expected any
---@param actual any
function failure.raise(file, message, expected, actual)
  local line
  for level = 2, 30 do
    local info = debug.getinfo(level, "Sl")
    if not info then break end
    if info.source == "@" .. file then
      line = info.currentline
      break
    end
  end
  error(failure.of(message, expected, actual, file, line), 0)
end

---Makes whatever was raised one of them: other errors are a message with its place.
---@param value any
---@return moonline.SimFailure
function failure.note(value)
  if getmetatable(value) == Failure then return value end
  local file, line, message = tostring(value):match("^([^\n]-):(%d+): (.*)$")
  return failure.of(message or tostring(value), nil, nil, file, math.tointeger(tonumber(line)))
end

function Failure:__tostring()
  local lines = { self.message }
  if self.expected then lines[#lines + 1] = "expected: " .. self.expected end
  if self.actual then lines[#lines + 1] = "actual:   " .. self.actual end
  return table.concat(lines, "\n")
end

return failure

-- The headers of a message by their lower-case names: read when somebody first asks for one, which few
-- calls do.

local fields = require "moonline.fields"
local sip = require "moonline.core.sip"

local headers = {}

local Headers = {}
Headers.__name = "moonline.Headers"

local function read(self)
  local lines = self[Headers]
  self[Headers] = nil
  setmetatable(self, nil)
  return fields.by_name(sip.headers(lines), self)
end

function Headers.__index(self, name)
  return read(self)[name]
end

function Headers.__pairs(self)
  return pairs(read(self))
end

---@param lines string? header lines as they came
---@return table<string, string>
function headers.of(lines)
  return setmetatable({ [Headers] = lines or "" }, Headers)
end

---The first header of that name.
---@param lines string? header lines as they came
---@param name string
---@return string? value
function headers.first(lines, name)
  local first = sip.headers(lines, name)[1]
  return first and first[2]
end

return headers

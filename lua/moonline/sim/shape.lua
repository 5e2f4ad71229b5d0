-- Are the keys of a table those that it may have, and their values of the right type?

local suggest = require "moonline.twiml.suggest"

local shape = {}

local WORDS = { time = "a number of seconds, or { least, most }", login = "true or a password",
  phones = "a table, or the name of a file" }

local fits = {}

function fits.time(value)
  if type(value) ~= "table" then return type(value) == "number" end
  return type(value[1]) == "number" and type(value[2]) == "number" and value[1] <= value[2]
end

function fits.login(value)
  return value == true or type(value) == "string"
end

function fits.phones(value)
  return type(value) == "table" or type(value) == "string"
end

local function is(kind, value)
  if fits[kind] then return fits[kind](value) end
  return type(value) == kind
end

-- What is wrong with one value of a key; nil when nothing is.
local function fault(wanted, value)
  local kind, maybe = wanted:match("^(%a+)(%??)$")
  if value == nil and maybe == "?" or value ~= nil and is(kind, value) then return nil end
  return WORDS[kind] or "a " .. kind
end

---What is wrong with a table: nil, or "a scenario has no key txet (did you mean text?)".
---@param what string "a scenario"
---@param given table
---@param known table<string, string> key -> type; "?" at its end: it may be missing
---@return string?
function shape.fault(what, given, known)
  for _, key in ipairs(suggest.keys(given)) do
    if not known[key] then
      local near = suggest.nearest(key, suggest.keys(known))
      return ("%s has no %s%s"):format(what, key,
        near and (" (did you mean %s?)"):format(near) or "")
    end
  end
  for _, key in ipairs(suggest.keys(known)) do
    local wanted = fault(known[key], given[key])
    if wanted then return ("%s: %s is %s"):format(what, key, wanted) end
  end
  return nil
end

return shape

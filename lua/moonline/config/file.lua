-- The configuration file: a Lua program in an empty world, and where its keys are written.

local check = require "moonline.config.check"
local places = require "moonline.config.places"
local schema = require "moonline.config.schema"

local file = {}

local STEPS = 10000000 -- Lua instructions it may take

-- A problem of a Lua source, from the message Lua gave.
local function lua_fault(message, name, source)
  local line, column, text = places.of_message(message, name, source)
  return { file = name, line = line, column = column, message = text, level = "error" }
end

---The place of the longest part of a key that is written in the file, if any is.
---@param found table<string, moonline.Place>
---@param path string
---@return moonline.Place?
function file.place(found, path)
  while path do
    if found[path] then return found[path] end
    path = path:match("^(.*)%.[^.]*$")
  end
  return nil
end

local function limited(chunk)
  if not (debug and debug.sethook) then return pcall(chunk) end
  debug.sethook(function() error("the configuration takes too long", 2) end, "", STEPS)
  local ok, message = pcall(chunk)
  debug.sethook()
  return ok, message
end

-- Runs the file where only env() exists; returns what it set, or a problem.
local function evaluate(source, name, environment)
  local values = {}
  local functions = {
    env = function(variable, default)
      if type(variable) ~= "string" then error("env: the name must be a string", 2) end
      return environment[variable] or default
    end,
  }
  local chunk, message = load(source, "@" .. name, "t", setmetatable({}, {
    __index = function(_, key)
      local value = values[key]
      if value == nil then value = functions[key] end
      if value == nil then error(("%s is not defined here"):format(tostring(key)), 2) end
      return value
    end,
    __newindex = function(_, key, value) values[key] = value end,
  }))
  if not chunk then return nil, lua_fault(message, name, source) end
  local ok, fault = limited(chunk)
  if not ok then return nil, lua_fault(tostring(fault), name, source) end
  return values
end

---Runs and checks the text of a file.
---@param source string
---@param name string
---@param environment table<string, string> what env() reads
---@param problems moonline.ConfigProblem[] is added to
---@return table layer
function file.layer(source, name, environment, problems)
  local values, fault = evaluate(source, name, environment)
  if not values then
    problems[#problems + 1] = fault
    return {}
  end
  local found = places.find(source)
  local layer = check.value(schema.root, values, "", {
    folder = name:match("^(.*)/[^/]*$"),
    problem = function(path, message, suggestion)
      local place = file.place(found, path) or { line = 1, column = 1 }
      problems[#problems + 1] = {
        file = name, line = place.line, column = place.column, key = path, message = message,
        suggestion = suggestion, level = "error",
      }
    end,
  })
  return layer or {}
end

return file

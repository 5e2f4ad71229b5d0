-- The configuration: defaults, a Lua file, the environment and flags, checked and merged.

local check = require "moonline.config.check"
local config_file = require "moonline.config.file"
local keys = require "moonline.config.keys"
local places = require "moonline.config.places"
local schema = require "moonline.config.schema"
local suggest = require "moonline.twiml.suggest"

local config = {}

local PREFIX = "MOONLINE_"

-- Variables of other commands, not of the configuration.
local OTHER = { MOONLINE_URL = true, MOONLINE_PATH = true }

---What is wrong with a configuration, and where.
---@class moonline.ConfigProblem
---@field file string? the file, else:
---@field origin string? "--set rtp.timeout=x" or "MOONLINE_RTP_TIMEOUT"
---@field line integer?
---@field column integer?
---@field key string?
---@field message string
---@field suggestion string?
---@field level "error"|"warning"

---@class moonline.ConfigOptions
---@field file string? the configuration file
---@field values table? what a file would set, as a table
---@field environment table<string, string>? instead of the process's
---@field flags { key: string, value: any, origin: string }[]? values of command line options
---@field set string[]? "a.b.c=value", as given to --set

---"file:line:column: message (did you mean ...?)".
---@param problem moonline.ConfigProblem
---@return string
function config.format(problem)
  local text = problem.message
  if problem.suggestion then text = text .. (" (did you mean %s?)"):format(problem.suggestion) end
  if not problem.file then return (problem.origin or "configuration") .. ": " .. text end
  return ("%s:%d:%d: %s"):format(problem.file, problem.line or 1, problem.column or 1, text)
end

local function origin(name, problems)
  return {
    problem = function(path, message, suggestion)
      problems[#problems + 1] = {
        origin = name, key = path, message = message, suggestion = suggestion, level = "error",
      }
    end,
  }
end

local function nest(segments, value)
  for i = #segments, 1, -1 do
    value = { [segments[i]] = value }
  end
  return value
end

local function default_at(segments)
  local value = schema.defaults()
  for _, key in ipairs(segments) do
    value = type(value) == "table" and value[key] or nil
  end
  return value
end

-- Lays one value over the configuration; nil takes the key back to its default.
local function lay(merged, kind, segments, value, source)
  if value == nil then
    local parent = merged
    for i = 1, #segments - 1 do parent = type(parent) == "table" and parent[segments[i]] or nil end
    if type(parent) == "table" then parent[segments[#segments]] = default_at(segments) end
    return merged
  end
  local checked = check.value(kind, value, table.concat(segments, "."), source)
  if checked == nil then return merged end
  return check.merge(schema.root, merged, nest(segments, checked))
end

local function lay_environment(merged, environment, problems)
  for _, name in ipairs(suggest.keys(environment)) do
    if name:sub(1, #PREFIX) == PREFIX and not OTHER[name] and environment[name] ~= "" then
      local kind, segments = keys.of_environment(schema.root, name:sub(#PREFIX + 1))
      if kind then
        local value = check.read(kind, environment[name])
        merged = lay(merged, kind, segments, value, origin(name, problems))
      else
        problems[#problems + 1] = {
          origin = name, message = "this variable sets no key; it has no effect", level = "warning",
        }
      end
    end
  end
  return merged
end

local function lay_flags(merged, flags, problems)
  for _, flag in ipairs(flags) do
    local source = origin(flag.origin, problems)
    local kind, segments, near = keys.find(schema.root, flag.key)
    if not kind then
      source.problem(flag.key, segments, near)
    else
      local value = flag.value
      if flag.text then value = check.read(kind, flag.text) end
      merged = lay(merged, kind, segments, value, source)
    end
  end
  return merged
end

local function set_flags(list, problems)
  local flags = {}
  for _, text in ipairs(list) do
    local key, value = text:match("^%s*([^=]-)%s*=(.*)$")
    if key and key ~= "" then
      flags[#flags + 1] = { key = key, text = value, origin = "--set " .. key }
    else
      problems[#problems + 1] = {
        origin = "--set " .. text, message = "must look like key=value", level = "error",
      }
    end
  end
  return flags
end

---The environment of this process.
---@return table<string, string>
function config.environment()
  local result = {}
  local file <close> = io.open("/proc/self/environ", "rb")
  for entry in (file and file:read("a") or ""):gmatch("[^\0]+") do
    local name, value = entry:match("^([^=]+)=(.*)$")
    if name then result[name] = value end
  end
  return result
end

---@return table
function config.defaults()
  return schema.defaults()
end

-- "private" in webhook.deny stands for the networks of a house, besides the defaults.
local function spell_out(merged)
  local deny, private, seen = {}, false, {}
  local function add(list)
    for _, net in ipairs(list) do
      if net == "private" then
        private = true
      elseif not seen[net] then
        deny[#deny + 1], seen[net] = net, true
      end
    end
  end
  add(merged.webhook.deny)
  if private then
    add(schema.defaults().webhook.deny)
    add(schema.private)
  end
  merged.webhook.deny = deny
end

local function split(problems)
  local errors, warnings = {}, {}
  for _, problem in ipairs(problems) do
    local list = problem.level == "error" and errors or warnings
    list[#list + 1] = problem
  end
  table.sort(errors, function(a, b)
    if (a.line or 0) ~= (b.line or 0) then return (a.line or 0) < (b.line or 0) end
    if (a.column or 0) ~= (b.column or 0) then return (a.column or 0) < (b.column or 0) end
    return a.message < b.message
  end)
  return errors, warnings
end

-- What is wrong between keys is told at the file's place when the file has the key.
local function final_origin(found, name, problems)
  return {
    problem = function(path, message, _, level)
      local place = found and config_file.place(found, path)
      problems[#problems + 1] = {
        file = place and name, line = place and place.line, column = place and place.column,
        key = path, message = message, level = level or "error",
      }
    end,
  }
end

local function build(source, name, options)
  local problems, environment = {}, options.environment or config.environment()
  local merged, found = schema.defaults(), nil
  if options.values then
    local layer = check.value(schema.root, options.values, "", origin("configuration", problems))
    merged = check.merge(schema.root, merged, layer or {})
  end
  if source then
    found = places.find(source)
    local layer = config_file.layer(source, name, environment, problems)
    merged = check.merge(schema.root, merged, layer)
  end
  if not options.file_only then merged = lay_environment(merged, environment, problems) end
  merged = lay_flags(merged, set_flags(options.set or {}, problems), problems)
  merged = lay_flags(merged, options.flags or {}, problems)
  check.final(schema.root, merged, "", final_origin(found, name, problems))
  local errors, warnings = split(problems)
  if #errors > 0 then return nil, errors, warnings end
  spell_out(merged)
  return merged, warnings
end

---Loads a configuration: flags over environment over file over defaults.
---@param options moonline.ConfigOptions?
---@return table? configuration plain values only; nil when something is wrong
---@return moonline.ConfigProblem[] problems errors, or the warnings of a good configuration
function config.load(options)
  options = options or {}
  if not options.file then return build(nil, nil, options) end
  local file <close>, why = io.open(options.file, "rb")
  local source = file and file:read("a")
  if not source then
    local message = why or "it cannot be read"
    if why then message = why:gsub("^.*: ", "") end
    return nil, {
      { file = options.file, line = 1, column = 1, message = message, level = "error" },
    }
  end
  return build(source, options.file, options)
end

---Checks the text of a configuration file alone.
---@param source string
---@param name string of the file, for messages
---@return moonline.ConfigProblem[] problems none when all is well
function config.check(source, name)
  local _, problems = build(source, name, { file_only = true })
  return problems
end

---Does this text look like a configuration file rather than a program: does it set a known key at
---its top, and require nothing?
---@param source string
---@return boolean
function config.is_configuration(source)
  local _, globals, requires = places.find(source)
  if requires then return false end
  for _, name in ipairs(globals) do
    if schema.root.fields[name] then return true end
  end
  return false
end

return config

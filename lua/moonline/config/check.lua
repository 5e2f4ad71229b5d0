-- Checks one layer of a configuration (a file, a variable, a flag) against the schema.

local lfs = require "lfs"
local literal = require "moonline.config.literal"
local suggest = require "moonline.twiml.suggest"

local check = {}

---Where a layer came from: tells problems their place, and paths what they are relative to.
---@class moonline.ConfigOrigin
---@field folder string? paths are relative to it
---@field problem fun(path: string, message: string, suggestion: string?, level: string?)

local checkers = {}

local function show(value)
  if type(value) == "string" then return '"' .. value:sub(1, 60):gsub("%c", " ") .. '"' end
  if type(value) == "table" then return "a table" end
  return tostring(value)
end

local function join(path, key)
  return path == "" and tostring(key) or path .. "." .. tostring(key)
end

local function any(kind, value, path, origin)
  return checkers[kind.kind](kind, value, path, origin)
end

function checkers.value(kind, value, path, origin)
  local checked, must = kind.check(value)
  if checked == nil then
    local near = kind.words and type(value) == "string" and suggest.nearest(value, kind.words)
    origin.problem(path, ("%s is %s, but must be %s"):format(path, show(value), must), near or nil)
    return nil
  end
  local is_relative = kind.path and not checked:find("^[/<]")
  if is_relative and origin.folder then return origin.folder .. "/" .. checked end
  return checked
end

function checkers.list(kind, value, path, origin)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" then
    return origin.problem(path, ("%s is %s, but must be a list"):format(path, show(value)))
  end
  local result, count = {}, 0
  for key in pairs(value) do
    count = count + 1
    if type(key) ~= "number" then
      return origin.problem(join(path, key), ("%s is a list and has no key %s"):format(path, key))
    end
  end
  for i = 1, count do
    if value[i] == nil then return origin.problem(path, path .. " has a gap") end
    result[i] = any(kind.of, value[i], join(path, i), origin)
  end
  if #result < count or not kind.check then return result end
  local checked, must = kind.check(result)
  if not checked then origin.problem(path, ("%s must be %s"):format(path, must)) end
  return checked
end

local function is_table(value, path, origin)
  if type(value) == "table" then return true end
  origin.problem(path, ("%s is %s, but must be a table"):format(path, show(value)))
  return false
end

function checkers.map(kind, value, path, origin)
  if not is_table(value, path, origin) then return nil end
  local result = {}
  for key, inner in pairs(value) do
    local name, must = key, nil
    if kind.key then name, must = kind.key(key) end
    if name == nil then
      origin.problem(join(path, key), ("the key %s of %s must be %s"):format(show(key), path, must))
    else
      result[name] = any(kind.of, inner, join(path, key), origin)
    end
  end
  return result
end

function checkers.record(kind, value, path, origin)
  if not is_table(value, path, origin) then return nil end
  local result = {}
  for key, inner in pairs(value) do
    local field = kind.fields[key]
    if field then
      result[key] = any(field, inner, join(path, key), origin)
    else
      origin.problem(join(path, key), ("unknown key %s"):format(join(path, key)),
        suggest.nearest(tostring(key), suggest.keys(kind.fields)))
    end
  end
  local set = {}
  for _, name in ipairs(kind.exclusive or {}) do
    if result[name] ~= nil then set[#set + 1] = name end
  end
  if #set > 1 then
    origin.problem(join(path, set[2]), ("%s: only one of %s can be set"):format(path,
      table.concat(kind.exclusive, ", ")))
  end
  return result
end

---Checks a value; what is wrong goes to origin.problem.
---@param kind moonline.ConfigType
---@param value any
---@param path string "" for the whole
---@param origin moonline.ConfigOrigin
---@return any value nil where it was wrong
function check.value(kind, value, path, origin)
  return any(kind, value, path, origin)
end

---Gives text from a command line or the environment the type that its key wants.
---@param kind moonline.ConfigType
---@param text string
---@return any value nil for the literal nil
function check.read(kind, text)
  local value, is_literal = literal.read(text)
  if kind.kind == "value" and kind.text and value ~= nil then
    return is_literal and type(value) == "string" and value or text
  end
  if kind.kind ~= "list" or type(value) == "table" or value == nil then return value end
  local list = {}
  for piece in text:gmatch("[^,]+") do
    list[#list + 1] = check.read(kind.of, piece:match("^%s*(.-)%s*$"))
  end
  return list
end

local MODES = { file = "file", folder = "directory" }

local function check_path(kind, value, path, origin)
  if not kind.exists or value:find("^<") then return end
  if lfs.attributes(value, "mode") ~= MODES[kind.exists] then
    -- A folder may still be made; a file is read at once.
    local level = kind.exists == "folder" and "warning" or "error"
    local message = ("%s: there is no %s %s"):format(path, kind.exists, value)
    origin.problem(path, message, nil, level)
  end
end

---What is wrong between keys or outside, once all layers are merged.
---@param kind moonline.ConfigType
---@param value any
---@param path string
---@param origin moonline.ConfigOrigin
function check.final(kind, value, path, origin)
  if kind.kind == "value" then return check_path(kind, value, path, origin) end
  if kind.final then
    local field, message = kind.final(value)
    if field then origin.problem(join(path, field), message) end
  end
  for key, inner in pairs(value) do
    check.final(kind.of or kind.fields[key], inner, join(path, key), origin)
  end
end

local function merge(kind, base, over)
  if base == nil or over == nil then
    if over ~= nil then return over end
    return base
  end
  if kind.kind ~= "record" and kind.kind ~= "map" then return over end
  local result = {}
  for key, value in pairs(base) do result[key] = value end
  for _, name in ipairs(kind.exclusive or {}) do
    if over[name] ~= nil then
      for _, other in ipairs(kind.exclusive) do result[other] = nil end
    end
  end
  for key, value in pairs(over) do
    result[key] = merge(kind.of or kind.fields[key], result[key], value)
  end
  return result
end

---Lays a checked layer over another: tables key by key, lists and values whole.
---@param kind moonline.ConfigType
---@param base table
---@param over table
---@return table merged
function check.merge(kind, base, over)
  return merge(kind, base, over)
end

return check

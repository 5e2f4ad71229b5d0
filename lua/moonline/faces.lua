-- What users' files hold of ours: faces. A face has the public names of an object and nothing behind
-- them; what it calls gets the object itself, and what comes back is faced again. Plain values go
-- through, tables of them as copies; what is none of this does not.

local options = require "moonline.options"

local faces = {}

local weak <const> = { __mode = "k" }
local known = setmetatable({}, weak) -- object -> face
local objects = setmetatable({}, weak) -- face -> object
local wrappers = setmetatable({}, weak) -- a file's function -> what we call in its place
local originals = setmetatable({}, weak) -- ... and back

---Metatables that users' files have set: their objects go through.
faces.theirs = setmetatable({}, weak)

local DEEPEST <const> = 8 -- tables in tables that are copied
local HANDLES <const> = { ["moonline.Task"] = true, ["moonline.Mailbox"] = true }

-- __name of an object's metatable -> the metatable of its face; true: it has no secrets.
local kinds = {}
local metatable = debug.getmetatable

-- ---- out to a file, in from it ----------------------------------------------------------------

local outward, inward

-- Converts each of some values.
local function each(convert, ...)
  local n = select("#", ...)
  if n == 0 then return end
  if n == 1 then return (convert((...))) end
  local list = table.pack(...)
  for i = 1, n do list[i] = convert(list[i]) end
  return table.unpack(list, 1, n)
end

local function copy(value, convert, depth)
  if depth > DEEPEST then return nil end
  local result = {}
  for key, inner in pairs(value) do
    if type(key) ~= "table" and type(key) ~= "userdata" then
      result[key] = convert(inner, depth + 1)
    end
  end
  return result
end

local function face_of(object, meta)
  local face = known[object]
  if not face then
    face = setmetatable({}, meta)
    known[object], objects[face] = face, object
  end
  return face
end

local function table_outward(value, depth)
  local meta = metatable(value)
  if not meta then return copy(value, outward, depth or 0) end
  local kind = kinds[meta.__name]
  if kind and kind ~= true then return face_of(value, kind) end
  return (kind or faces.theirs[meta] or objects[value]) and value or nil
end

local function function_outward(fn)
  return originals[fn] or function(...)
    return each(outward, fn(each(inward, ...)))
  end
end

---A value of ours, for a user's file.
function outward(value, depth)
  local kind = type(value)
  if kind == "table" then return table_outward(value, depth) end
  if kind == "function" then return function_outward(value) end
  if kind ~= "userdata" then return value end
  local meta = metatable(value)
  return meta and HANDLES[meta.__name] and value or nil
end

local function function_inward(fn)
  local wrapper = wrappers[fn]
  if not wrapper then
    wrapper = function(...) return each(inward, fn(each(outward, ...))) end
    wrappers[fn], originals[wrapper] = wrapper, fn
  end
  return wrapper
end

---A value of a user's file, for us.
function inward(value, depth)
  local kind = type(value)
  if kind == "function" then return function_inward(value) end
  if kind ~= "table" then return value end
  local object = objects[value]
  if object ~= nil then return object end
  if metatable(value) then return value end
  return copy(value, inward, depth or 0)
end

-- ---- kinds ------------------------------------------------------------------------------------

local function object_of(face, name)
  local object = objects[face]
  if object == nil then error(name .. ": to be called with a colon, on what has it", 3) end
  return object
end

-- What an object can do: what comes back is plain. A tail call: its errors blame the file's line.
local function doing(name)
  return function(face, ...)
    local object = object_of(face, name)
    return object[name](object, each(inward, ...))
  end
end

-- The same where it gives back more than plain values. at: which argument is the options.
local function giving(name, at)
  local check = at and options.checks[name]
  return function(face, ...)
    local object = object_of(face, name)
    if check then check((select(at, ...))) end
    return each(outward, object[name](object, each(inward, ...)))
  end
end

local function set(names)
  local result = {}
  for name in names:gmatch "%S+" do result[name] = true end
  return result
end

---@class moonline.Kind
---@field shows string? properties
---@field keeps string? properties that are tables which do not change: copied once
---@field takes string? properties that can be set
---@field does string? methods that give back plain values
---@field gives table<string, integer|false>? others: at which argument their options are
---@field closes string|true|nil the method that is its end; true: it has one, and that is nothing

---How objects of that metatable's __name look to a file.
---@param name string
---@param what moonline.Kind
function faces.kind(name, what)
  local methods, closes = {}, what.closes
  for method in (what.does or ""):gmatch "%S+" do methods[method] = doing(method) end
  for method, at in pairs(what.gives or {}) do methods[method] = giving(method, at) end
  local shows, keeps, takes = set(what.shows or ""), set(what.keeps or ""), set(what.takes or "")
  local meta = { __name = name }
  function meta.__index(face, key)
    if methods[key] then return methods[key] end
    if shows[key] then return outward(objects[face][key]) end
    if not keeps[key] then return nil end
    local value = objects[face][key]
    value = type(value) == "table" and getmetatable(value) and copy(value, outward, 0)
      or outward(value)
    rawset(face, key, value)
    return value
  end
  function meta.__newindex(face, key, value)
    if takes[key] then objects[face][key] = inward(value) else rawset(face, key, value) end
  end
  if closes then
    function meta.__close(face)
      local object = objects[face]
      if closes ~= true then object[closes](object) end
    end
  end
  kinds[name] = meta
end

---Objects of these hold nothing that a file may not have: they go through as they are.
---@param ... string
function faces.open(...)
  for _, name in ipairs { ... } do kinds[name] = true end
end

---Something of a file, for us: its functions see faces.
---@param value any
---@return any
function faces.inward(value)
  return inward(value)
end

-- ---- functions that are no methods --------------------------------------------------------------

---A function of ours, for a file: what comes back is plain.
---@param fn function
---@return function
function faces.taking(fn)
  return function(...) return fn(each(inward, ...)) end
end

---The same where it gives back objects. what, at: the options that are checked first, and which
---argument they are.
---@param fn function
---@param what string?
---@param at integer?
---@return function
function faces.giving(fn, what, at)
  local check = at and options.checks[what]
  return function(...)
    if check then check((select(at, ...))) end
    return each(outward, fn(each(inward, ...)))
  end
end

return faces

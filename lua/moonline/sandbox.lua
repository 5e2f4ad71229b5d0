-- What a user's file sees of Lua: libraries of its own, moonline, and the files beside it. Nothing in
-- it reaches the process, other files' globals, or the tables our own code stands on.

local faces = require "moonline.faces"
local log = require "moonline.log"

local public = require "moonline.public"

local sandbox = {}

-- The same for all: they hold nothing.
local FUNCTIONS = {
  "_VERSION", "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen",
  "rawset", "select", "tonumber", "tostring", "type", "xpcall",
}
local LIBRARIES = { "coroutine", "math", "string", "table", "utf8" }
local OS = { "clock", "date", "difftime", "time" }
-- What require gives of ours: the rest rules the server, or reaches past what is checked.
local MODULES = {
  ["moonline"] = public.moonline,
  ["moonline.twiml.builder"] = function()
    return { response = require("moonline.twiml.builder").response }
  end,
}
local PIECE = 4096 -- bytes of a text that load reads at once: the budget is looked at in between

local settings = { trusted = false, noticed = function() end }

---How users' files are loaded from now on.
---@param options { trusted: boolean, noticed: fun(path: string)? } trusted: they may do what Lua can;
---  noticed is told of every file that another asked for, and of the folder of one
---  that is not there
function sandbox.setup(options)
  settings.trusted = options.trusted
  settings.noticed = options.noticed or settings.noticed
end

-- ---- metatables -------------------------------------------------------------------------------

local theirs = faces.theirs
local metatable = debug.getmetatable

local function set_metatable(value, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("setmetatable: __gc is not for scripts; __close and <close> are", 2)
  end
  local old = metatable(value)
  if old and not theirs[old] then error("setmetatable: this one is protected", 2) end
  setmetatable(value, meta)
  if meta then theirs[meta] = true end
  return value
end

local function get_metatable(value)
  local meta = metatable(value)
  if meta == nil then return nil end
  if not theirs[meta] then return "protected" end
  local shown = rawget(meta, "__metatable")
  return shown == nil and meta or shown
end

-- ---- load -------------------------------------------------------------------------------------

local function in_pieces(text)
  local at = 1
  return function()
    local piece = text:sub(at, at + PIECE - 1)
    at = at + PIECE
    return piece ~= "" and piece or nil
  end
end

-- load for a file's own environment: text only.
local function loader(env)
  return function(chunk, name, _, ...)
    local own = env
    if select("#", ...) > 0 then own = ... end
    if type(chunk) == "string" then
      name = name or chunk
      if #chunk > PIECE then chunk = in_pieces(chunk) end
    end
    local fn, why = load(chunk, name, "t", own)
    if not fn and type(why) ~= "string" then error(why, 0) end -- an unwind goes on
    return fn, why
  end
end

-- Only what cannot hurt: a collection is the runtime's business.
local function collect(what)
  return what == "count" and collectgarbage "count" or 0
end

-- ---- require ----------------------------------------------------------------------------------

-- Tables of functions as the file's own, so that it cannot change those of others.
local function copy(value, known)
  if type(value) ~= "table" or metatable(value) then return value end
  if known[value] then return known[value] end
  local result = {}
  known[value] = result
  for key, inner in pairs(value) do result[key] = copy(inner, known) end
  return result
end

local function of_moonline(name)
  if settings.trusted then return require(name) end
  local module = MODULES[name]
  if not module then
    error(("module '%s' is not for scripts (script.trusted lifts that)"):format(name), 3)
  end
  return copy(module(), {})
end

-- The file of a module: beside the one that was loaded first, or below it.
local function find(folder, name)
  if not ("." .. name):find("^[.%w_-]+$") or name:find("..", 1, true) then return nil end
  local tried = { folder .. "/" .. name:gsub("%.", "/") .. ".lua",
    folder .. "/" .. name:gsub("%.", "/") .. "/init.lua" }
  for _, path in ipairs(tried) do
    local file <close> = io.open(path, "rb")
    if file then return path end
  end
  settings.noticed(tried[1]:match "^(.*)/") -- the folder: that is where it will come
  return nil, table.concat(tried, " or ")
end

local LOADING = {}

local function requirer(env, folder)
  local loaded = {}
  local function from_file(name)
    local path, tried = find(folder, name)
    if not path then
      if settings.trusted then return require(name) end
      error(("module '%s' not found: there is no %s"):format(name, tried or "such name"), 3)
    end
    settings.noticed(path)
    local chunk, problem = loadfile(path, "t", env)
    if not chunk then error(problem, 0) end
    return chunk(name, path)
  end
  return function(name)
    if type(name) ~= "string" then error("require: a name expected", 2) end
    if loaded[name] == LOADING then error(("module '%s' requires itself"):format(name), 2) end
    if loaded[name] == nil then
      loaded[name] = LOADING
      local _ <close> = setmetatable({}, { __close = function(_, problem)
        if problem ~= nil then loaded[name] = nil end
      end })
      local value = (name:find("^moonline%f[%.\0]") and of_moonline or from_file)(name)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
end

-- ---- environments -----------------------------------------------------------------------------

-- Variables of the process, without what is the server's own.
local function get_variable(name)
  if tostring(name):find("^MOONLINE_") then return nil end
  return os.getenv(name)
end

local function print_line(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  log.info("%s", table.concat(words, "\t"))
end

local function closed_environment()
  local env = { os = { getenv = get_variable } }
  for _, name in ipairs(FUNCTIONS) do env[name] = _G[name] end
  for _, name in ipairs(LIBRARIES) do env[name] = copy(_G[name], {}) end
  for _, name in ipairs(OS) do env.os[name] = os[name] end
  env.string.dump = nil
  env.setmetatable, env.getmetatable = set_metatable, get_metatable
  env.collectgarbage, env.print = collect, print_line
  env.load = loader(env)
  return env
end

---Globals of their own, for what is not ours.
---@param folder string where its modules are
---@return table
function sandbox.environment(folder)
  local env = settings.trusted and setmetatable({}, { __index = _G }) or closed_environment()
  env._G = env
  env.require = requirer(env, folder)
  return env
end

---A verb or noun that a user's file gave: what runs its functions, with what they may see.
---@param element moonline.Element
---@return moonline.Element
function sandbox.element(element)
  return settings.trusted and element or public.element(element)
end

---The chunk of a user's file, with globals of its own. nil and why when it does not compile.
---@param path string
---@return function?, string? problem
function sandbox.chunk(path)
  return loadfile(path, "t", sandbox.environment(path:match("^(.*)/[^/]*$") or "."))
end

return sandbox

-- The public API: what docs/lua.md lists is there, and every function of it is described for editors.
local moonline = require "moonline"
local process = require "support.process"
require "moonline.call"

local TABLES = {
  moonline = moonline, ["moonline.Leg"] = require("moonline.leg").Leg,
  ["moonline.Group"] = getmetatable(moonline.group()).__index,
  ["moonline.trial"] = require "moonline.trial",
}

local lines_of = {}

local function lines(path)
  if not lines_of[path] then
    local list = {}
    for line in io.lines(path) do list[#list + 1] = line end
    lines_of[path] = list
  end
  return lines_of[path]
end

-- The annotations above a function, and its own lines.
local function source(fn)
  local info = debug.getinfo(fn, "S")
  local text, first = lines(info.source:sub(2)), info.linedefined
  local above = {}
  for i = first - 1, 1, -1 do
    if not text[i]:match("^%s*%-%-%-") then break end
    table.insert(above, 1, text[i])
  end
  return table.concat(above, "\n"), table.concat(text, "\n", first, info.lastlinedefined)
end

-- What is missing in the description of a function, nil when nothing is.
local function gap(fn)
  local above, body = source(fn)
  if above == "" then return "is not described" end
  for i = 1, debug.getinfo(fn, "u").nparams do
    local name = debug.getlocal(fn, i)
    if name ~= "self" and not above:find("---@param " .. name, 1, true) then
      return "has no ---@param " .. name
    end
  end
  if body:find("\n  return [^\n]") and not above:find("---@return", 1, true) then
    return "has no ---@return"
  end
end

local function is_ours(fn)
  local path = debug.getinfo(fn, "S").source
  return path:find("/lua/moonline/", 1, true) ~= nil
end

local function each(name, value, visit, seen)
  if type(value) == "function" and is_ours(value) then return visit(name, value) end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for key, inner in pairs(value) do
    if type(key) == "string" and not key:find("^__") and key ~= "core" then
      each(name .. "." .. key, inner, visit, seen)
    end
  end
end

-- Methods that other files of ours use and scripts have no need of.
local function is_inner(fn)
  return source(fn) == ""
end

describe("the API", function()
  it("is described in full, to the last parameter", function()
    local gaps = {}
    for name, owner in pairs(TABLES) do
      each(name, owner, function(path, fn)
        local problem = not (name ~= "moonline" and is_inner(fn)) and gap(fn)
        if problem then gaps[#gaps + 1] = path .. " " .. problem end
      end, {})
    end
    table.sort(gaps)
    assert.same({}, gaps)
  end)

  it("has what docs/lua.md lists, and lists what it has", function()
    local text = process.read(process.root .. "/docs/lua.md")
    local section = { moonline = moonline, call = TABLES["moonline.Leg"] }
    for name, owner in pairs(section) do
      local part = assert(text:match("\n## " .. name .. "\n(.-)\n## "))
      for path in part:gmatch("\n| `([%w_.]+)[ ({]") do
        local value = owner
        for word in path:gmatch("[%w_]+") do value = value and value[word] end
        assert.truthy(value, name .. " has no " .. path)
      end
    end
    for key, value in pairs(moonline) do
      assert.truthy(text:find(key, 1, true), "docs/lua.md does not have " .. key)
      if type(value) == "table" then
        for inner in pairs(value) do assert.truthy(text:find(inner, 1, true) or key == "log"
          or key == "json", "docs/lua.md does not have " .. key .. "." .. inner) end
      end
    end
    for name, fn in pairs(TABLES["moonline.Leg"]) do
      if type(fn) == "function" and not name:find("^__") and not is_inner(fn) then
        assert.truthy(text:find(name, 1, true), "docs/lua.md does not have call:" .. name)
      end
    end
  end)
end)

-- Finds the file behind an element's name: verbs/<name>.lua and nouns/<name>.lua, the user's first.

local guard = require "moonline.core.guard"
local lfs = require "lfs"
local sandbox = require "moonline.sandbox"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

---A verb or noun: what its file returns.
---@class moonline.Element
---@field name string? its spelling in documents; default: TwiML's own, else as written
---@field attrs table<string, moonline.AttrSpec>?
---@field text boolean|moonline.AttrSpec|nil it has text; a spec: which is checked like an attribute
---@field children "nouns"|"sounds"|string[]|nil elements that may stand inside
---@field child_code integer? code for an element that may not (12200)
---@field child_codes table<integer, integer>? codes that faults of elements inside have here
---@field markup boolean? its text may hold speech markup
---@field parents string[]? verbs that a noun may stand in; default: TwiML's own, else Dial
---@field screening boolean? false: not in a call screening document
---@field check fun(node: moonline.Node, report: function, options: table)? beyond attributes
---@field run fun(session: table, node: moonline.Node): moonline.Document?
---@field source (fun(session: table, node: moonline.Node): table)? it only makes sound
---@field target (fun(session: table, node: moonline.Node): table?, integer?, string?)? a noun's:
---  whom to call
---@field connect (fun(dial: table, node: moonline.Node, outcome: moonline.DialOutcome))? of a noun that
---  calls nobody, in place of target: connects the caller, until it is over

---@class moonline.Elements
local Elements = {}
Elements.__index = Elements
Elements.__name = "moonline.Elements"

local elements = {}

local OWN = { verb = "moonline.verbs.", noun = "moonline.nouns." }

-- Only a name of letters ever comes near a path.
local function file_name(name)
  return name:match("^%u%a*$") and name:lower()
end

local function is_file(path)
  return lfs.attributes(path, "mode") == "file"
end

local function works_as(kind, element)
  if kind == "verb" then return element.run ~= nil end
  return element.target ~= nil or element.connect ~= nil
end

local function shape(element, where)
  if type(element) ~= "table" then
    return nil, where .. ":1: a verb or noun file returns a table, not a " .. type(element)
  end
  for _, work in ipairs { "run", "target", "connect" } do
    if type(element[work]) == "function" then return element end
  end
  return nil, where .. ":1: neither a verb (no function run) nor a noun (no function target)"
end

-- Users' files are loaded once; a broken one raises, with its file and line.
function Elements:user_file(lower)
  local known = self.loaded[lower]
  if known ~= nil then return known end
  self.loaded[lower] = false
  for _, folder in ipairs(self.folders) do
    local path = folder .. "/" .. lower .. ".lua"
    if is_file(path) then
      local chunk, problem = sandbox.chunk(path)
      if not chunk then error(problem, 0) end
      local ok, result = guard.load(chunk, path)
      if not ok then error(result, 0) end
      local element, fault = shape(result, path)
      if not element then error(fault, 0) end
      self.loaded[lower] = sandbox.element(element)
      return self.loaded[lower]
    end
  end
  return false
end

local function own_file(kind, lower)
  local module = OWN[kind] .. lower
  if package.loaded[module] == nil and not package.searchpath(module, package.path) then
    return nil
  end
  return require(module)
end

local function spelt(element, name, lower)
  if element.name then return element.name == name end
  for word in pairs(vocabulary.elements) do
    if word:lower() == lower then return word == name end
  end
  return true
end

function Elements:find(kind, name)
  local lower = file_name(name)
  if not lower then return nil end
  local element = self:user_file(lower)
  if not (element and works_as(kind, element)) then element = own_file(kind, lower) end
  if element and works_as(kind, element) and spelt(element, name, lower) then return element end
  return nil
end

---The verb of that name, nil when there is none.
---@param name string as in a document: "Say"
---@return moonline.Element?
function Elements:verb(name)
  return self:find("verb", name)
end

---The noun of that name, nil when there is none.
---@param name string
---@return moonline.Element?
function Elements:noun(name)
  return self:find("noun", name)
end

local function lua_files(folder, add)
  if lfs.attributes(folder, "mode") ~= "directory" then return end
  for entry in lfs.dir(folder) do
    local lower = entry:match("^(%l+)%.lua$")
    if lower then add(lower) end
  end
end

local function own_folders(kind)
  local folders = {}
  local tail = OWN[kind]:gsub("%.", "/")
  for template in package.path:gmatch("[^;]+") do
    local root = template:match("^(.*)%?%.lua$")
    if root then folders[#folders + 1] = root .. tail end
  end
  return folders
end

---Spellings of all verbs (or nouns) there are, sorted. Reads folders: not for every call.
---@param kind "verb"|"noun"
---@return string[]
function Elements:names(kind)
  local found = {}
  local function add(lower)
    local spelling = self:spelling(kind, lower)
    if spelling then found[spelling] = true end
  end
  for _, folder in ipairs(own_folders(kind)) do lua_files(folder, add) end
  for _, folder in ipairs(self.folders) do lua_files(folder, add) end
  return suggest.keys(found)
end

---Loads everything there is, so that a broken file is found now and not by a call. Raises its
---"file:line: message".
function Elements:load()
  self:names("verb")
  self:names("noun")
end

---"dial" -> "Dial"; nil when there is no such verb (or noun).
---@param kind "verb"|"noun"
---@param lower string
---@return string?
function Elements:spelling(kind, lower)
  if not lower:match("^%a+$") then return nil end
  lower = lower:lower()
  local name = lower:gsub("^%l", string.upper)
  for word in pairs(vocabulary.elements) do
    if word:lower() == lower then name = word end
  end
  local element = self:user_file(lower)
  if not (element and works_as(kind, element)) then element = own_file(kind, lower) end
  if not (element and works_as(kind, element)) then return nil end
  return element.name or name
end

---A finder that looks in `folders` (the configuration's twiml.verbs) before our own files.
---@param folders string[]?
---@return moonline.Elements
function elements.new(folders)
  return setmetatable({ folders = folders or {}, loaded = {} }, Elements)
end

return elements

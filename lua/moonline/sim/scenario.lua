-- Scenarios: a call, who takes part in it, and what is expected to come of it, as a file says it.
--
--   scenario "kate takes the call" {
--     document = "menu.xml",
--     phones = { kate = { rings = 3, hangs_up_after = 10 } },
--     pages = { ["/after"] = "<Response/>" },
--     expect = function(seen) seen:dialled "completed" end,
--   }
--
--   local list = assert(scenario.read "menu_test.lua")
--   local result <close> = scenario.play(list[1])          or with a stage, for many:
--   local stage <close> = assert(scenario.stage(list[1]))
--   for seed = 1, 1000 do scenario.play(list[1], { stage = stage, seed = seed }) end

local config = require "moonline.config"
local description = require "moonline.sim.description"
local failure = require "moonline.sim.failure"
local lfs = require "lfs"
local names = require "moonline.sim.names"
local phones = require "moonline.sim.phones"
local seen = require "moonline.sim.seen"
local schedule = require "moonline.sim.explore.schedule"
local shape = require "moonline.sim.shape"
local stage = require "moonline.sim.stage"
local suggest = require "moonline.twiml.suggest"
local web = require "moonline.sim.web"

---@class moonline.Scenario
---@field name string
---@field file string
---@field line integer
---@field folder string of the file
---@field document string? a file beside it
---@field text string? a document, or its verbs
---@field script string? a Lua script beside it
---@field url string? of a document of a web application that runs on this machine
---@field phones table<string, moonline.SimPhone>
---@field pages table<string, string|moonline.SimPage|function>
---@field numbers table<string, string>? who is called -> path of the web application
---@field config table
---@field seed integer
---@field listen number seconds of what each party hears that are kept
---@field during (fun(live: moonline.SimLive))?
---@field caller boolean? false: nobody calls
---@field ladder string? a file beside it with the ladder that the call gives
---@field expect (fun(seen: moonline.Seen))?
---@field schedule moonline.SimStep[]? what happens to the messages of the call: rules are checked instead

local scenario = {}

scenario.FIELDS = {
  document = "string?", text = "string?", script = "string?", url = "string?", phones = "phones?",
  pages = "table?", config = "table?", seed = "number?", listen = "number?",
  numbers = "table?", during = "function?", caller = "boolean?", expect = "function?",
  ladder = "string?", like = "table?", schedule = "table?",
}
local CALLED = { "document", "text", "script", "url" }
local PAGE = { status = "number?", body = "string?", headers = "table?", delay = "time?" }
local LISTEN <const> = 120 -- seconds

-- Raises what is wrong with a table, without a place.
local function keys(what, given, known)
  local why = shape.fault(what, given, known)
  if why then error(why, 0) end
end

local function check_pages(pages)
  for _, path in ipairs(suggest.keys(pages)) do
    local page = pages[path]
    if path:sub(1, 1) ~= "/" then
      error(("pages: %q is no path (did you mean \"/%s\"?)"):format(path, path), 0)
    elseif type(page) == "table" then
      keys(("the page %s"):format(path), page, PAGE)
    elseif type(page) ~= "string" and type(page) ~= "function" then
      error(("pages: %s is a text, a table, or a function"):format(path), 0)
    end
  end
  return pages
end

local function check_file(path, folder)
  if lfs.attributes(folder .. "/" .. path, "mode") ~= "file" then
    error("there is no file " .. path, 0)
  end
end

local function check_phones(given, folder)
  if type(given) == "string" then
    check_file(given, folder)
    local found, why = description.read(folder .. "/" .. given)
    if not found then error(why, 0) end
    return found
  end
  local checked = {}
  for name, spec in pairs(given) do
    local why = description.fault(name, spec)
    if why then error(why, 0) end
    checked[name] = description.of(spec)
  end
  return checked
end

local function check_called(given, folder)
  local found = {}
  for _, key in ipairs(CALLED) do
    if given[key] then found[#found + 1] = key end
  end
  if #found > 1 then error(("%s and %s: one of them"):format(found[1], found[2]), 0) end
  local path = given.document or given.script
  if path then check_file(path, folder) end
  local own = given.numbers or given.config and (given.config.voice or given.config.numbers)
  if #found == 0 and not own and given.caller ~= false then
    error("document, text, script or url is needed: what the call runs", 0)
  end
end

local function check_config(given)
  local loaded, problems = config.load { values = given, environment = {} }
  if not loaded then error(config.format(problems[1]), 0) end
end

-- The scenario of another file that this one is like: { file, name }. Its own keys win.
local function alike(name, given, folder)
  local path, other = table.unpack(given.like)
  if type(path) ~= "string" or type(other) ~= "string" then
    error("like: a file and the name of a scenario in it are expected", 0)
  end
  if not path:find "^/" then path = folder .. "/" .. path end
  local list, why = scenario.read(path)
  if not list then error(why, 0) end
  for _, one in ipairs(list) do
    if one.name == other then
      return setmetatable({ name = name, schedule = given.schedule, expect = given.expect,
        seed = given.seed }, { __index = one })
    end
  end
  error(("%s: no scenario %q in it"):format(path, other), 0)
end

-- A scenario as a file gives it, checked. Raises a message without a place.
local function checked(name, given, folder)
  if type(given) ~= "table" then error("a table is expected after the name", 0) end
  keys("a scenario", given, scenario.FIELDS)
  local problem = given.schedule and schedule.check(given.schedule)
  if problem then error(problem, 0) end
  if given.like then return alike(name, given, folder) end
  check_called(given, folder)
  if given.config then check_config(given.config) end
  return {
    name = name, folder = folder, document = given.document, text = given.text,
    script = given.script, url = given.url, config = given.config or {},
    phones = check_phones(given.phones or {}, folder), pages = check_pages(given.pages or {}),
    seed = given.seed or 1, listen = given.listen or LISTEN, during = given.during,
    caller = given.caller, expect = given.expect, ladder = given.ladder,
    numbers = given.numbers, schedule = given.schedule,
  }
end

---Reads a file of scenarios. nil and "file:line: message" when something is wrong with it.
---@param path string
---@return moonline.Scenario[]?, string? why
function scenario.read(path)
  local folder, list = path:match("^(.*)/[^/]*$") or ".", {}
  local function declare(name)
    if type(name) ~= "string" then error("scenario: a name is expected", 2) end
    local line = debug.getinfo(2, "l").currentline
    return function(given)
      local fine, value = pcall(checked, name, given, folder)
      if not fine then
        error(("%s:%d: scenario %q: %s"):format(path, line, name, value), 0)
      end
      value.file, value.line = path, line
      list[#list + 1] = value
    end
  end
  local env = setmetatable({ scenario = declare }, { __index = _G })
  local chunk, problem = loadfile(path, "t", env)
  if not chunk then return nil, (problem:gsub("^cannot open (.*)$", "there is no file %1")) end
  local fine, why = pcall(chunk)
  if not fine then return nil, tostring(why) end
  if #list == 0 then return nil, path .. ": no scenario in it" end
  return list
end

---What a stage is opened with. Scenarios for which it is the same text can share one.
---@param one moonline.Scenario
---@return string
function scenario.place(one)
  return names.json({ document = one.document, text = one.text and true, script = one.script,
    url = one.url, folder = one.folder, config = one.config, numbers = one.numbers,
    users = phones.users(one.phones) })
end

---Opens a stage for a scenario, and for all of the same place. Hold it with <close>.
---@param one moonline.Scenario
---@param lua string? folder of sources for the policy, looked in before the program's own
---@return moonline.SimStage?, string? why
function scenario.stage(one, lua)
  local script = one.script and one.folder .. "/" .. one.script
  if script and not script:match("^/") then script = lfs.currentdir() .. "/" .. script end
  local path, document = ("%s/%s"):format(one.folder, one.document or ""):match("^(.*)/([^/]*)$")
  return stage.open {
    folder = path, document = document ~= "" and document or nil, script = script, url = one.url,
    method = one.document and "GET" or nil, config = one.config, numbers = one.numbers,
    users = phones.users(one.phones), lua = lua,
  }
end

---The pages of its web application, with the text that it may be.
---@param one moonline.Scenario
---@return table
function scenario.pages(one)
  if not one.text then return one.pages end
  return setmetatable({ ["/voice"] = web.document(one.text) }, { __index = one.pages })
end

---Plays a scenario. stage: one that is open, and stays so; seed, listen: instead of the scenario's own.
---What the result keeps on disk goes with its close().
---@param one moonline.Scenario
---@param options { stage: moonline.SimStage?, seed: integer?, listen: number? }?
---@return moonline.SimResult? result, string? why
function scenario.play(one, options)
  options = options or {}
  local own, why
  if not options.stage then
    own, why = scenario.stage(one)
    if not own then return nil, why end
  end
  local pages = scenario.pages(one)
  local result = (options.stage or own):play {
    phones = one.phones, pages = pages, seed = options.seed or one.seed, during = one.during,
    listen = options.listen or one.listen, caller = one.caller,
  }
  result:keep(own)
  return result
end

---Are its expectations met? nil, or what was not.
---@param one moonline.Scenario
---@param result moonline.SimResult
---@return moonline.SimFailure?
function scenario.check(one, result)
  if one.expect then
    local fine, why = xpcall(one.expect, failure.note, seen.of(one, result))
    if not fine then return why end
  end
  return result.trouble and failure.note(result.trouble) or nil
end

return scenario

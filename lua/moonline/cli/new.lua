-- moonline new verb NAME: writes a verb of one's own and its test, to be changed at leisure.

local config = require "moonline.config"
local elements = require "moonline.elements"
local lfs = require "lfs"
local vocabulary = require "moonline.twiml.vocabulary"

local FAILED, USAGE, CONFIGURATION = 1, 2, 78

local new = { summary = "Write a verb of your own, and its test" }

local HELP = [[
The name is what documents say: letters, the first one a capital (Survey). The files are
NAME.lua and NAME_spec.lua in the first folder of twiml.verbs of the configuration, or in
./verbs. Nothing is overwritten.]]

function new.define(parser)
  parser:argument("kind", "What to write."):choices({ "verb" })
  parser:argument("name", "Its name in documents: Survey.")
  parser:option("-c --config", "Configuration whose twiml.verbs names the folder."):argname("FILE")
  parser:option("--folder", "The folder, made when it is missing."):argname("FOLDER")
  parser:epilog(HELP)
end

local VERB = [[
-- <NAME say digits action>: says a text, takes keys, and posts them to action as Keys.

return {
  name = "NAME",
  attrs = {
    say = { "text", required = true },
    digits = { "integer", default = 1, min = 1, max = 20 },
    action = { "url" },
  },
  run = function(session, node)
    local a = node.attrs
    local keys = session.call:gather { say = a.say, digits = a.digits, timeout = 5 }
    if not keys then return nil end -- nothing was pressed: the next verb
    return a.action and session:fetch(a.action, { Keys = keys })
  end,
}
]]

local SPEC = [[
-- Run it: moonline --virtual FOLDER/FILE_spec.lua
local trial = require "moonline.trial"

local folder = arg[0]:match("^(.*)/") or "."

trial.test("<NAME> asks for a key and posts it", { verbs = folder }, function(t)
  t.web["/next"] = "<Response><Hangup/></Response>"
  t:call '<NAME say="Press a key." action="/next"/>'
  t:press "4"
  assert(t:request("/next").Keys == "4")
  assert(t:said "Press a key.")
end)

trial.test("<NAME> goes on when nothing is pressed", { verbs = folder }, function(t)
  t:call '<NAME say="Press a key."/><Say>Goodbye.</Say>'
  assert(t:ended() == "completed")
  assert(t:said "Goodbye.")
end)

trial.test("<NAME> has its attributes checked", { verbs = folder }, function(t)
  t:call '<NAME say="Press a key." digits="many"/>'
  t:ended()
  assert(t:warned(12200))
end)
]]

-- What is wrong with a name, nil when it is right.
local function name_fault(name)
  if name:match("^%u%a*$") then return nil end
  local letters = name:gsub("%A", ""):gsub("^%l", string.upper)
  local hint = letters ~= "" and (" (did you mean %s?)"):format(letters) or ""
  return ("%q is no name of an element: letters only, the first one a capital"):format(name) .. hint
end

-- The folder; nil and why when the configuration cannot be read.
local function folder_of(options)
  if options.folder then return options.folder end
  if not options.config then return "verbs" end
  local configuration, problems = config.load { file = options.config }
  if not configuration then return nil, config.format(problems[1]) end
  return configuration.twiml.verbs[1] or "verbs"
end

local function write(path, text)
  local file <close>, why = io.open(path, "wb")
  if not file then return nil, why end
  return file:write(text)
end

local function fill(template, name, folder)
  local known = { NAME = name, FILE = name:lower(), FOLDER = folder }
  return (template:gsub("%u%u+", known))
end

-- Both files, or none.
local function write_all(folder, name)
  local base = ("%s/%s"):format(folder, name:lower())
  local files = { { base .. ".lua", VERB }, { base .. "_spec.lua", SPEC } }
  for _, file in ipairs(files) do
    if lfs.attributes(file[1]) then return nil, file[1] .. " is there already" end
  end
  if not lfs.attributes(folder) then lfs.mkdir(folder) end
  for _, file in ipairs(files) do
    local ok, why = write(file[1], fill(file[2], name, folder))
    if not ok then return nil, why end
  end
  return files
end

function new.run(options, out)
  local fault = name_fault(options.name)
  if fault then
    out.problem(fault)
    return USAGE
  end
  local folder, problem = folder_of(options)
  if not folder then
    out.problem(problem)
    return CONFIGURATION
  end
  local files, why = write_all(folder, options.name)
  if not files then
    out.problem(why)
    return FAILED
  end
  for _, file in ipairs(files) do out.line(file[1]) end
  local finder = elements.new()
  if finder:verb(options.name) then
    out.line(("it takes the place of our <%s>"):format(options.name))
  elseif vocabulary.elements[options.name] then
    out.line(("<%s> is a name of TwiML"):format(options.name))
  end
  return 0
end

return new

-- moonline new verb NAME, moonline new app NAME: writes a verb of one's own, or a whole application,
-- each with its test, to be changed at leisure.

local config = require "moonline.config"
local elements = require "moonline.elements"
local lfs = require "lfs"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"

local FAILED, USAGE, CONFIGURATION = 1, 2, 78

local new = { summary = "Write a verb or an application of your own, and its test" }

local HELP = [[
verb: the name is what documents say: letters, the first one a capital (Survey). The files
are NAME.lua and NAME_spec.lua in the first folder of twiml.verbs of the configuration, or
in ./verbs. app: a folder of that name with documents, a script, phones and a test that
passes. Nothing is overwritten.]]

function new.define(parser)
  parser:argument("kind", "What to write."):choices({ "verb", "app" })
  parser:argument("name", "A verb's name in documents: Survey; or a folder.")
  parser:option("-c --config", "Configuration whose twiml.verbs names the folder of a verb.")
    :argname("FILE")
  parser:option("--folder", "The folder of a verb, made when it is missing."):argname("FOLDER")
  parser:epilog(HELP)
end

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

-- All files, or none: { path, text }.
local function write_all(folder, files)
  for _, file in ipairs(files) do
    if lfs.attributes(file[1]) then return nil, file[1] .. " is there already" end
  end
  if not lfs.attributes(folder) then
    local made, why = lfs.mkdir(folder)
    if not made then return nil, ("%s cannot be made: %s"):format(folder, why) end
  end
  for _, file in ipairs(files) do
    local ok, why = write(file[1], file[2])
    if not ok then return nil, why end
  end
  return files
end

local make = {}

function make.app(options)
  local folder = options.name
  if not folder:match("^[%w._/-]+$") then
    return nil, USAGE, ("%q is no name of a folder"):format(folder)
  end
  local template, files = require "moonline.templates.app", {}
  for _, name in ipairs(suggest.keys(template)) do
    files[#files + 1] = { ("%s/%s"):format(folder, name),
      fill(template[name], folder:match("[^/]+$"), folder) }
  end
  return folder, files
end

function make.verb(options)
  local fault = name_fault(options.name)
  if fault then return nil, USAGE, fault end
  local folder, problem = folder_of(options)
  if not folder then return nil, CONFIGURATION, problem end
  local base, files = ("%s/%s"):format(folder, options.name:lower()), {}
  for ending, text in pairs(require "moonline.templates.verb") do
    files[#files + 1] = { base .. ending, fill(text, options.name, folder) }
  end
  table.sort(files, function(one, other) return one[1] < other[1] end)
  return folder, files
end

-- What else there is to know of a verb of that name.
local function note_verb(name, out)
  local finder = elements.new()
  if finder:verb(name) then
    out.line(("it takes the place of our <%s>"):format(name))
  elseif vocabulary.elements[name] then
    out.line(("<%s> is a name of TwiML"):format(name))
  end
end

function new.run(options, out)
  local folder, files, problem = make[options.kind](options)
  if not folder then
    out.problem(problem)
    return files
  end
  local written, why = write_all(folder, files)
  if not written then
    out.problem(why)
    return FAILED
  end
  for _, file in ipairs(files) do out.line(file[1]) end
  if options.kind == "verb" then
    note_verb(options.name, out)
  else
    out.line(("moonline test %s"):format(folder))
  end
  return 0
end

return new

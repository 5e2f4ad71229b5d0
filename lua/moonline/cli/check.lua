-- moonline check: judges documents, scripts and configuration files without running them.

local config = require "moonline.config"
local document = require "moonline.twiml.document"
local elements = require "moonline.elements"
local json = require "dkjson"
local places = require "moonline.config.places"

local CONFIGURATION = 78

local check = { summary = "Check TwiML documents, Lua scripts and configuration files" }

local HELP = [[
A file is a document when its text begins with <. Of the others, *.conf and *.conf.lua
and a file that sets a key of the configuration at its top and requires nothing are
configuration files; what remains is a script, which is compiled and not run. --as decides
otherwise. A file - is the standard input.]]

function check.define(parser)
  parser:argument("file", "What to check."):args("+")
  parser:option("--mode", "How documents are judged."):choices({ "strict", "warn", "twilio" })
    :default("strict")
  parser:option("--as", "What the files are."):choices({ "document", "script", "configuration" })
  parser:flag("--screening", "Documents are for call screening.")
  parser:option("-c --config", "Configuration with your verbs and regions."):argname("FILE")
  parser:flag("--json", "Print one JSON object.")
  parser:epilog(HELP)
end

local judges = {}

function judges.document(source, _, options)
  local _, problems = document.parse(source, {
    mode = options.mode, screening = options.screening, elements = options.elements,
    regions = options.regions, several = options.several,
  })
  return problems
end

function judges.script(source, name)
  local text = source:gsub("^#[^\n]*", "")
  local chunk, message = load(text, "@" .. name, "t")
  if chunk then return {} end
  local line, column, fault = places.of_message(message, name, text)
  return { { level = "error", code = "lua", line = line, column = column, message = fault } }
end

function judges.configuration(source, name)
  local problems = config.check(source, name)
  for _, problem in ipairs(problems) do problem.code = "config" end
  return problems
end

---What a file is, by its name and content.
---@param name string
---@param source string
---@return "document"|"script"|"configuration"
function check.kind(name, source)
  if source:find("^\239?\187?\191?%s*<") or name:find("%.xml$") then return "document" end
  if name:find("%.conf$") or name:find("%.conf%.lua$") then return "configuration" end
  if config.is_configuration(source) then return "configuration" end
  return "script"
end

local function read(name)
  if name == "-" then return io.stdin:read("a") end
  local file <close>, why = io.open(name, "rb")
  if not file then return nil, why:sub(#name + 3) end
  local source, fault = file:read("a")
  return source, fault
end

local function judge(name, options)
  local source, why = read(name)
  if not source then
    return { { level = "error", code = "file", line = 1, column = 1, message = why } }
  end
  return judges[options.as or check.kind(name, source)](source, name, options)
end

---"file:line:column: level code message (did you mean ...?)".
---@param name string
---@param problem table
---@return string
function check.format(name, problem)
  local text = ("%s:%d:%d: %s %s %s"):format(name, problem.line or 1, problem.column or 1,
    problem.level, problem.code, problem.message)
  if problem.suggestion then text = text .. (" (did you mean %s?)"):format(problem.suggestion) end
  return text
end

local function by_place(a, b)
  if a.line ~= b.line then return (a.line or 0) < (b.line or 0) end
  if a.column ~= b.column then return (a.column or 0) < (b.column or 0) end
  return a.message < b.message
end

local function print_all(found, errors, options, out)
  if options.json then
    local list = setmetatable({}, { __jsontype = "array" })
    for i, entry in ipairs(found) do
      local p = entry.problem
      list[i] = {
        file = entry.name, line = p.line or 1, column = p.column or 1, level = p.level,
        code = p.code, message = p.message, suggestion = p.suggestion,
      }
    end
    out.line(json.encode({
      problems = list, errors = errors, warnings = #found - errors, files = #options.file,
    }))
    return
  end
  for _, entry in ipairs(found) do out.line(check.format(entry.name, entry.problem)) end
end

local function settle(options, out)
  local environment = not options.config and {} or nil -- without a file: the defaults, as they are
  local configuration, problems = config.load { file = options.config, environment = environment }
  if not configuration then
    for _, problem in ipairs(problems) do out.problem(config.format(problem)) end
    return false
  end
  options.elements = elements.new(configuration.twiml.verbs)
  options.regions = configuration.sip.regions
  options.several = configuration.dial.several
  return true
end

function check.run(options, out)
  if not settle(options, out) then return CONFIGURATION end
  local found, errors = {}, 0
  for _, name in ipairs(options.file) do
    local problems = judge(name, options)
    table.sort(problems, by_place)
    for _, problem in ipairs(problems) do
      found[#found + 1] = { name = name, problem = problem }
      if problem.level == "error" then errors = errors + 1 end
    end
  end
  print_all(found, errors, options, out)
  return errors > 0 and 1 or 0
end

return check

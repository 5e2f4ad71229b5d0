-- moonline version: of the program and of the libraries it runs with.

local json = require "dkjson"
local suggest = require "moonline.twiml.suggest"
local sys = require "moonline.core.sys"

local version = { summary = "Show the version, and those of the libraries" }

function version.define(parser)
  parser:flag("--json", "Print one JSON object.")
end

function version.run(options, out)
  local versions = sys.versions()
  if options.json then
    out.line(json.encode(versions))
    return 0
  end
  out.line("moonline " .. versions.version)
  for _, name in ipairs(suggest.keys(versions)) do
    if name ~= "version" then out.line(("  %-12s %s"):format(name, versions[name])) end
  end
  return 0
end

return version

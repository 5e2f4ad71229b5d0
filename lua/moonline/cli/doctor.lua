-- moonline doctor: can this machine run the server, and what stands in its way?

local config = require "moonline.config"
local elements = require "moonline.elements"
local json = require "dkjson"
local lfs = require "lfs"
local suggest = require "moonline.twiml.suggest"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local doctor = { summary = "Check ports, codecs, voices, limits and the store" }

function doctor.define(parser)
  parser:option("-c --config", "Configuration file."):argname("FILE")
  parser:option("--set", "Set any key of the configuration."):argname("KEY=VALUE"):count("*")
  parser:flag("--json", "Print one JSON object.")
end

-- Each: function(settings, tell). Run in the order of their names.
---@type table<string, fun(settings: table, tell: fun(level: string, text: string))>
local checks = {}

function checks.codecs(settings, tell)
  tell("ok", table.concat(settings.media.codecs, ", ") .. ", telephone-event")
end

function checks.descriptors(settings, tell)
  local file <close> = io.open("/proc/self/limits", "r")
  local soft = file and file:read("a"):match("Max open files%s+(%S+)")
  local count = tonumber(soft)
  local needed = settings.limits.calls * 6 + 100
  if not soft then return tell("warning", "the limit of open files is not known") end
  if soft == "unlimited" or count >= needed then return tell("ok", soft .. " open files") end
  tell("warning", ("%d open files, but limits.calls = %d may need %d (ulimit -n)")
    :format(count, settings.limits.calls, needed))
end

function checks.http(settings, tell)
  local http = require "moonline.core.http"
  if settings.http.listen == "off" then return tell("ok", "off") end
  local address, port = settings.http.listen:match("^(.*):(%d+)$")
  address = address:match("^%[(.*)%]$") or address
  local server, why, text = http.server { address = address, port = tonumber(port) }
  if not server then
    return tell("error", ("%s: %s"):format(settings.http.listen, text or why))
  end
  server:close()
  tell("ok", settings.http.listen)
end

local function listen(settings, tell)
  local media, why, text = require("moonline.core.media").open {
    threads = 0, address = settings.rtp.listen, ports = settings.rtp.ports,
  }
  if not media then return tell("error", "rtp: " .. (text or why)) end
  local agent
  agent, why, text = require("moonline.core.sip").agent {
    listen = settings.sip.listen, tls = settings.sip.tls, media = media,
  }
  if agent then
    tell("ok", table.concat(agent:addresses(), ", "))
    agent:close()
  else
    tell("error", text or why)
  end
  media:close()
end

function checks.sip(settings, tell)
  listen(settings, tell)
end

function checks.store(settings, tell)
  local path = settings.store.path
  if not lfs.attributes(path, "mode") then
    return tell("ok", path .. " will be made")
  end
  local probe = path .. "/.doctor"
  local file, why = io.open(probe, "w")
  if not file then return tell("error", why) end
  file:close()
  os.remove(probe)
  tell("ok", path .. " can be written")
end

function checks.verbs(settings, tell)
  local finder = elements.new(settings.twiml.verbs)
  local ok, problem = pcall(finder.load, finder)
  if not ok then return tell("error", tostring(problem)) end
  tell("ok", table.concat(finder:names("verb"), ", ") .. "; in Dial: "
    .. table.concat(finder:names("noun"), ", "))
end

function checks.voices(_, tell)
  local box = task.mailbox()
  local child = sys.spawn({ "espeak-ng", "--version" }, { box = box, timeout = 5 })
  local event = child and box:wait("exited", 6)
  if event and event.status == 0 then
    return tell("ok", (event.output:match("^[^\n]*"):gsub("%s+Data at.*$", "")))
  end
  tell("warning", "espeak-ng is not there: Say stays silent (apt-get install espeak-ng)")
end

local function examine(settings, tell)
  for _, name in ipairs(suggest.keys(checks)) do
    checks[name](settings, function(level, text) tell(name, level, text) end)
  end
end

function doctor.run(options, out)
  local found = setmetatable({}, { __jsontype = "array" })
  local function tell(name, level, text)
    found[#found + 1] = { check = name, level = level, text = text }
  end
  local settings, problems = config.load { file = options.config, set = options.set }
  for _, problem in ipairs(problems) do
    tell("configuration", problem.level, config.format(problem))
  end
  if settings then
    if #problems == 0 then tell("configuration", "ok", options.config or "defaults") end
    examine(settings, tell)
  end
  local errors = 0
  for _, entry in ipairs(found) do
    if entry.level == "error" then errors = errors + 1 end
    if not options.json then
      out.line(("%-8s %-14s %s"):format(entry.level, entry.check, entry.text))
    end
  end
  if options.json then out.line(json.encode { checks = found, errors = errors }) end
  return errors > 0 and 1 or 0
end

return doctor

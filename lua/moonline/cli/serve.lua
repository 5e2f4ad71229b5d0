-- moonline serve: the server. Reads flags and configuration, then hands over.

local config = require "moonline.config"
local identity = require "moonline.config.identity"
local log = require "moonline.core.log"

local CONFIGURATION = 78

local serve = { summary = "Take calls" }

function serve.define(parser)
  parser:option("-c --config", "Configuration file."):argname("FILE")
  parser:option("--sip", "Listen for SIP there, such as udp:127.0.0.1:5060 (port 0: any free one).")
    :argname("URI"):count("*")
  parser:option("--http", "Listen for HTTP there, or off."):argname("ADDR:PORT")
  parser:mutex(
    parser:option("--voice-url", "URL of the document that answers calls."):argname("URL"),
    parser:option("--script", "Lua script that answers calls."):argname("FILE"),
    parser:option("--twiml", "TwiML document that answers calls."):argname("FILE"))
  parser:option("--set", "Set any key of the configuration."):argname("KEY=VALUE"):count("*")
  parser:option("--log-format", "text or json."):choices({ "text", "json" }):default("text")
  parser:option("--log-level", "debug, info, warning or error.")
    :choices({ "debug", "info", "warning", "error" }):default("info")
end

-- sip:127.0.0.1:5060;transport=tcp is understood too.
local function listener(text)
  local scheme, where, rest = text:match("^(sips?):([^;]*)(.*)$")
  if not scheme then return text end
  local transport = scheme == "sips" and "tls" or rest:match("^;transport=(%l+)$") or "udp"
  return transport .. ":" .. where
end

local FLAGS = { http = "http.listen", voice_url = "voice.url", script = "voice.script",
  twiml = "voice.twiml" }

---The options of the command line as flags for config.load.
---@param options table
---@return moonline.ConfigOptions
function serve.settings(options)
  local flags = {}
  if #options.sip > 0 then
    local list = {}
    for i, text in ipairs(options.sip) do list[i] = listener(text) end
    flags[#flags + 1] = { key = "sip.listen", value = list, origin = "--sip" }
  end
  for name, key in pairs(FLAGS) do
    if options[name] then
      local origin = "--" .. name:gsub("_", "-")
      flags[#flags + 1] = { key = key, value = options[name], origin = origin }
    end
  end
  return { file = options.config, flags = flags, set = options.set }
end

function serve.run(options, out)
  log.setup(options.log_level, options.log_format)
  local function fail(text)
    if options.log_format == "json" then log.write("error", nil, text) else out.problem(text) end
  end
  local settings = serve.settings(options)
  local configuration, problems = config.load(settings)
  for _, problem in ipairs(problems) do
    local text = config.format(problem)
    if configuration then log.write("warning", nil, text) else fail(text) end
  end
  if not configuration then return CONFIGURATION end
  local ready, why = identity.ensure(configuration)
  if not ready then
    fail("the store cannot be used: " .. why)
    return CONFIGURATION
  end
  local function reload()
    local fresh, faults = config.load(settings)
    if not fresh then return nil, faults end
    for _, fault in ipairs(faults) do log.write("warning", nil, config.format(fault)) end
    local whole, cause = identity.ensure(fresh)
    if whole then return whole end
    return nil, { { message = "the store cannot be used: " .. cause, level = "error" } }
  end
  return require("moonline.server").serve(configuration, { reload = reload, problem = fail })
end

return serve

-- What calls of one Lua state stand on: configuration, SIP agent, media, HTTP client, speech, and the
-- tables of the house. In short: env.

local address = require "moonline.address"
local elements = require "moonline.elements"
local generation = require "moonline.core.generation"
local hooks = require "moonline.hooks"
local house = require "moonline.core.house"
local http = require "moonline.core.http"
local core_store = require "moonline.core.store"
local media = require "moonline.core.media"
local sandbox = require "moonline.sandbox"
local sip = require "moonline.core.sip"
local store = require "moonline.store"
local sys = require "moonline.core.sys"
local trace = require "moonline.trace"
local work = require "moonline.work"

local runtime = {}

-- Folders of the store that must be there before anything writes into them.
local FOLDERS = { "recordings", "media", "speech" }

local RECORDS = "records.sqlite"

---@class moonline.Env
---@field config table
---@field media moonline.Media
---@field client moonline.HttpClient
---@field speech moonline.Speech
---@field calls moonline.Calls
---@field counters moonline.Counters what /metrics tells; named as there
---@field records moonline.CoreStore
---@field store moonline.Store
---@field rooms moonline.Rooms conferences and queues
---@field agent moonline.Agent? the server's; none before it listens
---@field public_url string? beginning of RecordingUrl
---@field elements moonline.Elements
---@field hooks moonline.Hooks
---@field notify fun(event: table, form: string?) tells whoever watches this runtime; form: of a webhook,
---  its parameters as they are sent
---@field traces moonline.Traces? of the last calls; none: they are not kept
---@field work moonline.Work what the end of the server waits for
---@field live table<moonline.Leg, true> that run documents or a script of their own
---@field media_folder string
---@field media_cache moonline.Shelf? recordings that were fetched, made with the first

---Handles that generations share. nil and why when one cannot be opened.
---@param config table
---@param options { records: boolean? }? records: calls are written down, and callbacks outlive us
---@return moonline.Env?, string? why
function runtime.open(config, options)
  for _, folder in ipairs(FOLDERS) do
    local ok, why = sys.mkdir(config.store.path .. "/" .. folder)
    if not ok then return nil, why end
  end
  local env = { config = config, calls = house.calls(), counters = house.counters() }
  local why, text
  local path = options and options.records and config.store.path .. "/" .. RECORDS
  env.records, why, text = core_store.open { path = path or nil }
  if not env.records then return nil, text or why end
  env.media, why, text = media.open {
    threads = sys.is_virtual() and 0 or config.media.threads, address = config.rtp.listen,
    ports = config.rtp.ports, timeout = config.rtp.timeout,
  }
  if not env.media then return nil, text or why end
  env.rooms, env.traces = house.rooms(env.media), options and options.records and trace.new(config)
  env.speech, why, text = media.speech { cache = config.store.path .. "/speech" }
  if not env.speech then return nil, text or why end
  env.client, why = runtime.client(config)
  if not env.client then return nil, why end
  return env
end

---@param config table
---@return moonline.HttpClient?, string? why
function runtime.client(config)
  local client, why, text = http.client {
    deny = config.webhook.deny, allow = config.webhook.allow, resolve = config.webhook.resolve,
    dns = config.webhook.dns and table.concat(config.webhook.dns, ","), ca = config.webhook.ca,
  }
  if not client then return nil, text or why end
  return client
end

---What each Lua state makes for itself on top of the shared handles.
---@param env table
---@param notify fun(event: table)?
---@return moonline.Env
function runtime.complete(env, notify)
  env.media_folder = env.config.store.path .. "/media"
  env.documents_read, env.live = {}, {}
  env.store = store.new(env.records)
  sandbox.setup { trusted = env.config.script.trusted, noticed = function(path)
    generation.notify { kind = "file", path = path }
  end }
  env.elements = elements.new(env.config.twiml.verbs)
  env.hooks = hooks.new()
  env.notify = trace.notifier(env, notify)
  env.work = work.new(function(busy) generation.notify { kind = busy and "busy" or "idle" } end)
  return env
end

---Options of Agent for a configuration.
---@param env moonline.Env
---@param given table? options that win over the configuration's
---@return moonline.Agent?, string? why
function runtime.agent(env, given)
  local config, options = env.config, {}
  options.media, options.codecs, options.tls = env.media, config.media.codecs, config.sip.tls
  options.resolve, options.session_expires = config.sip.resolve, config.sip.session_expires
  options.advertise_media = address.media(config.rtp.advertise)
  options.dns = config.sip.dns and table.concat(config.sip.dns, ",")
  for name, value in pairs(given or {}) do options[name] = value end
  local agent, why, text = sip.agent(options)
  if not agent then return nil, text or why end
  return agent
end

local OPENED = {
  "agent", "client", "speech", "rooms", "media", "calls", "counters", "records", "traces",
}

---Closes what open opened.
---@param env moonline.Env
function runtime.close(env)
  for _, name in ipairs(OPENED) do
    if env[name] then env[name]:close() end
    env[name] = nil
  end
end

-- The env of the state this runs in. A program that did not make one gets the defaults.
local current

---@param env moonline.Env
function runtime.adopt(env)
  current = env
  return env
end

---Opens what the calls of this program stand on. Before anything else uses it, or not at all.
---@param values table? keys as in a configuration file
---@return moonline.Env
function runtime.configure(values)
  if current then error("configure: this program has calls or requests already", 3) end
  local config = require "moonline.config"
  local identity = require "moonline.config.identity"
  local settings, problems = config.load { values = values }
  if not settings then error(config.format(problems[1]), 0) end
  local ready, why = identity.ensure(settings)
  if not ready then error("the store cannot be used: " .. why, 0) end
  local env
  env, why = runtime.open(settings)
  if not env then error(why, 0) end
  current = runtime.complete(env)
  require("moonline.webhook.callback").serve(current)
  return current
end

---@return moonline.Env
function runtime.env()
  return current or runtime.configure()
end

return runtime

-- The configuration of a simulated server: what a scenario gives, with everything that would leave the
-- machine led to the phones and the web application of the simulation.

local places = {}

---What stays while calls change.
---@class moonline.SimPlace
---@field store string? folder of the server's store; nil: one of its own, removed at the end
---@field folder string? of files for the web application
---@field document string? name of a file there
---@field text string? a document
---@field script string? path
---@field url string? of a document
---@field config table? keys of a configuration
---@field numbers table<string, string>? who is called -> path of the web application
---@field users table<string, string>? who registers: name -> password
---@field lua string? folder of sources for the policy, looked in before the program's own

-- The second is where trunks lead: what comes from their address is asserted identity.
places.PHONES = { "udp:127.0.0.1:0", "udp:127.0.0.2:0", "tcp:127.0.0.1:0" }

local REGIONS = { "us1", "us2", "ie1", "de1", "sg1", "jp1", "br1", "au1" }
local ANY_NUMBER = "^%+?%d"

---Changes base: tables merge key by key, lists and all else are replaced.
---@param base table
---@param over table?
---@return table base
function places.merge(base, over)
  for key, value in pairs(over or {}) do
    if type(value) == "table" and type(base[key]) == "table" and #value == 0 then
      places.merge(base[key], value)
    else
      base[key] = value
    end
  end
  return base
end

local function voice(stage, options)
  if options.script then return { script = options.script } end
  local path = options.document or "voice"
  return { url = options.url or ("%s/%s"):format(stage.app.url, path), method = options.method }
end

-- A region keeps what it is given, except where it leads.
local function regions(stage, given)
  local all = {}
  for _, name in ipairs(REGIONS) do
    all[name] = { proxy = ("sip:%s;lr"):format(stage.phones_at) }
  end
  for name in pairs(given or {}) do all[name] = all[name] or all.us1 end
  return all
end

-- Who is called -> what runs: paths are those of the web application.
local function numbers(stage, given)
  local all = {}
  for name, path in pairs(given or {}) do all[name] = { url = stage.app.url .. path } end
  return all
end

local function trunks(stage, given)
  local all = {}
  for name, trunk in pairs(given or {}) do
    all[name] = { match = trunk.match, from = trunk.from }
  end
  if not next(all) then all.simulation = { match = ANY_NUMBER } end
  for _, trunk in pairs(all) do trunk.proxy = "sip:" .. stage.trunk_at end
  return all
end

---@param stage moonline.SimStage
---@param options moonline.SimPlace
---@return table configuration
function places.configuration(stage, options)
  local config = options.config or {}
  local own = places.merge({
    account_sid = "AC00000000000000000000000000000001", auth_token = "simulation",
    sip = { users = options.users or {} }, trace = { calls = 0 },
    limits = { lag_ms = 0 }, -- a busy machine is no reason to refuse a simulated call
    voice = voice(stage, options),
  }, config)
  return places.merge(own, {
    sip = { listen = { "udp:127.0.0.1:0", "tcp:127.0.0.1:0" },
      regions = regions(stage, own.sip.regions) },
    trunks = trunks(stage, own.trunks), numbers = numbers(stage, options.numbers),
    http = { listen = "127.0.0.1:0" }, store = { path = stage.store },
    webhook = { divert = stage.app.url },
  })
end

return places

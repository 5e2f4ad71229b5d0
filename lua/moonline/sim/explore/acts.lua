-- What can happen in the middle of a call: "caller hangs up", "REST redirects kate", "reload".

local client = require "moonline.client"
local suggest = require "moonline.twiml.suggest"

local acts = {}

local TWIML <const> = '<Response><Pause length="1"/><Hangup/></Response>'

---What acts reach.
---@class moonline.SimActors
---@field leg fun(name: string): moonline.Leg? the phone's side of the newest call of that party
---@field sid fun(name: string): string?
---@field server moonline.Server

local party = {}

party["hangs up"] = function(actors, name)
  local leg = actors.leg(name)
  if not leg or leg.ended then return end
  leg.core:hangup()
  leg.box:post { kind = "ended", cause = "local" } -- for whom it was that waited
end

party["presses *"] = function(actors, name)
  local leg = actors.leg(name)
  if leg and not leg.ended then leg.core:play { digits = "*", loops = 1 } end
end

party["re-invites"] = function(actors, name)
  local leg = actors.leg(name)
  if leg and not leg.ended then leg.core:hold(true) end
end

-- A change of a live call by the server's HTTP side.
local function change(actors, name, params)
  local sid, config = actors.sid(name), actors.server.env.config
  if not sid then return end
  client.post(("http://%s:%s@%s/2010-04-01/Accounts/%s/Calls/%s.json"):format(config.account_sid,
    config.auth_token, actors.server.http_address, config.account_sid, sid), params)
end

local rest = {}

function rest.ends(actors, name)
  change(actors, name, { Status = "completed" })
end

function rest.redirects(actors, name)
  change(actors, name, { Twiml = TWIML })
end

-- "caller hangs up" -> its function and the party; nil when there is no such act.
local function find(act)
  local verb, name = act:match("^REST (%l+) (%S+)$")
  if verb then return rest[verb], name end
  if act == "reload" then return function(actors) actors.server:reload() end end
  local rest_of
  name, rest_of = act:match("^(%S+) (.+)$")
  return party[rest_of], name
end

---All acts of a party.
---@param name string
---@return string[]
function acts.of(name)
  local list = {}
  for _, what in ipairs(suggest.keys(party)) do list[#list + 1] = name .. " " .. what end
  for _, what in ipairs(suggest.keys(rest)) do
    list[#list + 1] = ("REST %s %s"):format(what, name)
  end
  return list
end

---nil, or what is wrong with it.
---@param act any
---@return string?
function acts.check(act)
  if type(act) == "string" and find(act) then return nil end
  return ("%s: an act such as %s is expected"):format(tostring(act),
    table.concat(acts.of "caller", ", ") .. ", reload")
end

---Does it. May wait.
---@param act string
---@param actors moonline.SimActors
function acts.run(act, actors)
  local fn, name = find(act)
  fn(actors, name)
end

return acts

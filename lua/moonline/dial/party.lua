-- Whom a name stands for: a number (through a trunk), a registered user, a SIP address. What comes of it
-- is a target, as nouns of Dial give it.

local number = require "moonline.dial.number"

local party = {}

local NO_TRUNK, UNREGISTERED = 13224, 32009
local NOT_FOUND, UNAVAILABLE = 404, 480

---A number through the trunk that takes it.
---@param config table
---@param text string
---@return table? target nil, code and message when it cannot be called
---@return integer? code
---@return string? message
function party.number(config, text)
  local plain, code, message = number.parse(text)
  if not plain then return nil, code, message end
  local trunk, name = number.trunk(config.trunks, plain)
  if not trunk then
    return nil, NO_TRUNK, ("no trunk takes %s: give one of the configuration a match for it"
      .. " (trunks.NAME.match)"):format(plain)
  end
  return {
    uri = ("sip:%s@%s"):format(plain, number.domain(trunk)), hops = trunk.proxy, to = plain,
    username = trunk.username, password = trunk.password, region = trunk.region, trunk = name,
    from = trunk.from,
  }
end

---A user of sip.users on all phones that are registered for it. Without a phone the target says
---what its answer is (refused): 480 as a registrar would (RFC 3261 21.4.18), 404 for no user at all.
---@param env moonline.Env
---@param user string
---@return table target
---@return integer? code 32009 when there is no phone
---@return string? message
function party.client(env, user)
  local phones = env.agent:registered(user)
  local to = "client:" .. user
  if phones[1] then return { uri = phones[1].uri, contacts = phones, to = to } end
  if env.config.sip.users[user] then
    return { uri = to, to = to, refused = UNAVAILABLE }, UNREGISTERED,
      ("no phone is registered for %s"):format(user)
  end
  return { uri = to, to = to, refused = NOT_FOUND }, UNREGISTERED,
    ("%s is not registered, and no user of sip.users"):format(user)
end

---Is it the address of somebody, neither a user nor a number?
---@param text string
---@return boolean
function party.is_address(text)
  return not (text:match("^client:.") or text:match("^%+?[%d().%s-]+$"))
end

---What a script dials: "client:alice", "+15550100", "sip:kate@host", "kate@host".
---@param env moonline.Env
---@param text string
---@return table? target nil, code and message when it cannot be called
---@return integer? code
---@return string? message
function party.of(env, text)
  if party.is_address(text) then
    return { uri = text:match("^sips?:") and text or "sip:" .. text }
  end
  local user = text:match("^client:(.+)$")
  if user then return party.client(env, user) end
  return party.number(env.config, text)
end

return party

-- Phones that are logged in with the stage's server.
local moonline = require "moonline"
local story = require "support.story"

local phones = {}

phones.USERS = { alice = "wonder", bob = "builder" }

---A phone of a user, registered. fn takes its calls; phone.invites is what came.
---@param options table? listen, tls: of the phone; expires; index: which listener of the server
function phones.open(s, user, fn, options)
  options = options or {}
  local phone = story.phone(s, user, fn or story.answers,
    { listen = options.listen, tls = options.tls })
  local uri = s:uri(user, options.index)
  phone.registration = assert(phone:register(uri, {
    password = phones.USERS[user], expires = options.expires,
  }))
  return phone
end

---A document that dials by these nouns, with its action at /after.
function phones.document(nouns, dial, rest)
  return ('<Response><Dial action="/after" %s>%s</Dial>%s</Response>'):format(dial or "", nouns,
    rest or "")
end

---Alice calls and it is dialled; when it is taken she hangs up after `talk` seconds. The parameters of the
---action.
function phones.dial(s, nouns, options)
  options = options or {}
  s.web["/voice"] = phones.document(nouns, options.dial)
  s.web["/after"] = s.web["/after"] or "<Response><Hangup/></Response>"
  local leg = s:begin(options.call)
  if options.talk then
    story.bridged(s)
    moonline.sleep(options.talk)
    leg:hangup()
  end
  return s:request("/after", options.timeout).params
end

return phones

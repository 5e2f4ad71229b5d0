-- Conferences and queues in call stories: phones that call one document each, say a tone each, and keep
-- what they hear.
local audio = require "support.audio"
local moonline = require "moonline"
local stage = require "support.stage"

local meeting = {}

meeting.tones = { 500, 900, 1300, 1700, 2100, 2500 }

---A call into the server by a phone of its own: { leg, sid, phone, ear? }. user is the user part of the
---URI, and /user the path of its document where the stage was opened with meeting.routes.
---@param s table stage
---@param user string
---@param options { phone: table?, ear: boolean? }? ear: from the answer on
function meeting.call(s, user, options)
  options = options or {}
  local phone = s:phone(user, nil, options.phone)
  local own = { phone = phone, begun = moonline.clock() }
  own.leg = assert(phone:call(s:uri(user), { from = user, timeout = 60 }))
  s.legs[#s.legs + 1] = own.leg
  own.sid = s:request("/" .. user).params.CallSid
  if options.ear then own.ear = audio.listen(phone, own.leg) end
  return own
end

---A configuration in which users have paths of their own: stage.open(meeting.routes("a", "b")).
function meeting.routes(...)
  local users = { ... }
  return function(url)
    local numbers = {}
    for _, user in ipairs(users) do numbers[user] = { url = url .. "/" .. user } end
    return { numbers = numbers }
  end
end

---A document that dials a conference.
function meeting.document(attributes, name, dial, rest)
  return stage.twiml(('<Dial action="/after" %s><Conference %s>%s</Conference></Dial>%s')
    :format(dial or "", attributes or "", name or "room", rest or ""))
end

---Each of these says its tone for some seconds, all at once.
function meeting.talk(parties, seconds)
  for i, own in ipairs(parties) do
    own.leg.core:play { tone = tostring(meeting.tones[i]), ms = math.floor(seconds * 1000) }
  end
end

---The tones (by their place in meeting.tones) that were heard between two times, as { 2, 3 }.
function meeting.heard(samples, from, to)
  local found = {}
  for i, hz in ipairs(meeting.tones) do
    if audio.amplitude(samples, hz, from, to) > 1000 then found[#found + 1] = i end
  end
  return found
end

---Waits until something is so.
function meeting.wait(what, timeout)
  local limit = moonline.clock() + (timeout or 30)
  while not what() do
    if moonline.clock() > limit then error("it does not come to that", 2) end
    moonline.sleep(0.02)
  end
end

---Waits for so many events of a kind that the server tells.
function meeting.seen(s, kind, count)
  meeting.wait(function() return #s:seen(kind) >= (count or 1) end)
end

return meeting

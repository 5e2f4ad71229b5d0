-- Short ways to tell what many call stories begin with.
local moonline = require "moonline"
local stage = require "support.stage"
local wire = require "support.wire"

local story = {}

---A phone of the stage that keeps the INVITEs it got: phone.invites.
function story.phone(s, user, fn, options)
  local phone
  phone = s:phone(user, function(call)
    phone.invites[#phone.invites + 1] = wire.of_leg(call)
    return fn(call)
  end, options)
  phone.invites = {}
  return phone
end

---Takes a call and stays until it ends.
function story.answers(call)
  call:answer()
  while true do call:wait { "digit" } end
end

---Refuses with a code; headers are { name, value } pairs.
function story.refuses(code, phrase, headers)
  return function(call)
    call.core:reject(code, phrase, headers)
  end
end

---Rings and does not answer.
function story.rings(call)
  call:ring()
  while true do call:wait { "digit" } end
end

---Neither rings nor answers (100 is sent by the agent).
function story.waits(call)
  while true do call:wait { "digit" } end
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(text)
  return (text:gsub('[&<>"]', ENTITIES))
end

---A document that dials: uri, attributes of Dial as text, of Sip as text.
function story.document(uri, dial, sip, rest)
  return stage.twiml(("<Dial action=\"/after\" %s><Sip %s>%s</Sip></Dial>%s"):format(dial or "",
    sip or "", escape(uri), rest or ""))
end

---Puts that document on /voice and a Hangup on /after; alice calls. Her leg, state "calling".
function story.begin(s, uri, options)
  options = options or {}
  s.web["/voice"] = story.document(uri, options.dial, options.sip)
  s.web["/after"] = s.web["/after"] or stage.twiml "<Hangup/>"
  return s:begin(options.call)
end

---The same and waits for the action: its parameters.
function story.dial(s, uri, options)
  story.begin(s, uri, options)
  return s:request("/after", options and options.timeout).params
end

---Waits until that many calls were bridged.
function story.bridged(s, count)
  local limit = moonline.clock() + 30
  while #s:seen "bridged" < (count or 1) do
    if moonline.clock() > limit then error("no bridge", 2) end
    moonline.sleep(0.05)
  end
end

---Alice calls, is connected, hangs up after some seconds: the action's parameters.
function story.talk(s, uri, options)
  options = options or {}
  local alice = story.begin(s, uri, options)
  story.bridged(s)
  moonline.sleep(options.seconds or 1)
  alice:hangup()
  return s:request("/after").params
end

---An address of loopback that no other process of these tests uses: for standard ports.
---@param last integer its last byte
function story.own_address(last)
  local file <close> = assert(io.open "/proc/self/stat")
  local pid = math.tointeger(tonumber(file:read("a"):match("^%d+")))
  return ("127.%d.%d.%d"):format(64 + (pid >> 8) % 128, pid & 255, last)
end

---A Dial that is refused before anything is sent has none of these.
function story.no_child(params)
  for name in pairs(params) do
    if name == "DialCallSid" or name:find("^DialSip") then return false, name end
  end
  return true
end

return story

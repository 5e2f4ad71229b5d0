-- click_to_call.lua: a web page's button calls one person, then another, and connects them.
--   moonline serve --script examples/click_to_call.lua
--   curl -d from=kate -d to=bob http://127.0.0.1:8081/calls
local moonline = require "moonline"

local PORT = 8081
local DOMAIN = "example.com"

local function uri(name)
  return name and name:match("^[%w.+-]+$") and ("sip:%s@%s"):format(name, DOMAIN)
end

local function connect(from, to)
  local first <close>, why = moonline.call(from, { timeout = 30 })
  if not first then return moonline.log.info("%s: %s", from, why) end
  first:say("Connecting you.")
  local second <close> = first:dial(to, { timeout = 30 })
  if second then first:bridge(second) else first:say("There is no answer.") end
end

assert(moonline.http.serve({ port = PORT }, function(request)
  if request.method ~= "POST" or request.path ~= "/calls" then return 404, "POST /calls" end
  local from, to = uri(request.params.from), uri(request.params.to)
  if not (from and to) then return 400, "from and to are names of people here" end
  moonline.spawn(connect, from, to) -- the answer does not wait for it
  return 202, { from = from, to = to }
end))

moonline.on("call", function(call)
  call:reject("rejected") -- this line only calls out
end)

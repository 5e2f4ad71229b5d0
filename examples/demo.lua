-- The demo: alice calls moonline, moonline asks a web application what to do, and calls kate. Five
-- times, with the five documents of examples/demo-documents. The server, the web application and
-- both phones are in this one program; their SIP, RTP and HTTP go over real sockets.
local folder, here = arg[1] or "build/demo", arg[0]:match "^(.*)/" or "."
package.path = here .. "/demo-parts/?.lua;" .. package.path

local moonline = require "moonline"
local scene = require "scene"
local show = require "show"
local stories = require "stories"
local web = require "web"

local DOCUMENTS = here .. "/demo-documents"
local ACCOUNT = { sid = "AC00000000000000000000000000000001", token = "known to the web app" }

moonline.log.setup "warning"
moonline.configure { store = { path = folder .. "/phones" } } -- alice's and kate's

-- A free port, to be kate's in all five calls: example.com leads there.
local function free_port()
  local phone <close> = assert(moonline.agent())
  return phone.addresses[1]:match "%d+$"
end

local kate_at = "127.0.0.1:" .. free_port()
local now -- the scene that plays

-- ---- who takes part ---------------------------------------------------------------------------

local app = web.open(DOCUMENTS, folder, function(request, status)
  now:asked(request, status)
end)

local numbers = {} -- a call to sip:example-1@... is answered by the first document, and so on
for i, story in ipairs(stories) do
  numbers["example-" .. i] = { url = app.url .. "/" .. story.document }
end

local server = assert(moonline.server({
  account_sid = ACCOUNT.sid, auth_token = ACCOUNT.token,
  sip = { listen = { "udp:127.0.0.1:0" }, resolve = { ["example.com"] = kate_at } },
  http = { listen = "127.0.0.1:0" },
  numbers = numbers,
  webhook = {
    ca = folder .. "/ca.pem", resolve = { ["myapp.com"] = "127.0.0.1:" .. app.secure_port },
  },
  store = { path = folder .. "/store" },
}, { observed = true }))

server:observe(function(event) now:tell(event) end)

local alice = assert(moonline.agent())

local function open_kate(story)
  local options = { listen = { "udp:" .. kate_at } }
  for name, value in pairs(story.phone or {}) do options[name] = value end
  return assert(moonline.agent(options))
end

-- ---- the play ---------------------------------------------------------------------------------

local function alice_calls(number, story)
  local call <close>, why = alice:call(server:uri("example-" .. number), { from = "alice" })
  if call then story.alice(call, now) else show.check("moonline takes the call", false, why) end
end

-- One call, from the number that alice dials to what must have been seen.
local function play(number, story)
  show.heading(("Example %d: %s"):format(number, story.title))
  show.file(DOCUMENTS .. "/" .. story.document)
  show.ladder { alice = alice.addresses, moonline = server.addresses, kate = { kate_at } }

  now = scene.new(ACCOUNT, folder .. "/recording.wav")
  local kate <close> = open_kate(story)
  kate:on("call", function(call) story.kate(call, now) end)
  local group <close> = moonline.group()
  group:spawn(alice_calls, number, story)
  group:wait()
  now:wait_until(function() return server:legs() == 0 end)
  now:finish()

  show.line()
  for _, check in ipairs(story.checks) do check(show.check, now) end
end

show.line(("moonline %s plays the five examples of <Dial><Sip>: alice dials, kate answers.")
  :format(moonline.version))
for number, story in ipairs(stories) do play(number, story) end

show.heading "That was all"
show.summary(folder .. "/recording.wav")
os.exit(show.failed == 0)

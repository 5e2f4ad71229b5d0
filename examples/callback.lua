-- callback.lua: who does not want to wait is called back and connected with an agent.
--   moonline serve --script examples/callback.lua
local moonline = require "moonline"

local AGENT = "sip:agent@example.com"
local TRIES, PAUSE = 5, 60 -- and seconds between them

-- The caller's number, by way of our own exchange.
local function home_of(call)
  return ("sip:%s@example.com"):format(call.from:match("^sip:([^@]+)@"))
end

-- Agent first: nobody is called back to hear that there is no one to talk to.
local function connect(customer)
  local agent <close> = moonline.call(AGENT, { timeout = 20 })
  if not agent then return false end
  agent:say("A customer asked to be called back. One moment.")
  local leg <close> = moonline.call(customer, { timeout = 30 })
  if leg then agent:bridge(leg) else agent:say("The customer did not answer.") end
  return true
end

local function call_back(customer)
  for _ = 1, TRIES do
    moonline.sleep(PAUSE)
    if connect(customer) then return end
  end
  moonline.log.warning("%s was never called back: no agent", customer)
end

moonline.on("call", function(call)
  local key = call:gather {
    say = "All agents are busy. Press 1, and we will call you back.", digits = 1, timeout = 8,
  }
  if key ~= "1" then return call:say("Please call again later. Goodbye.") end
  moonline.spawn(call_back, home_of(call)) -- goes on when this call is over
  call:say("We will call you back soon. Goodbye.")
end)

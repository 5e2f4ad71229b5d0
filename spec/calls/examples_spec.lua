-- The scripts of examples/ as they are: example.com are the phones of a test, mail.example.com its web
-- app.
local audio = require "support.audio"
local lfs = require "lfs"
local moonline = require "moonline"
local process = require "support.process"
local stage = require "support.stage"
local story = require "support.story"

local EXAMPLES = process.root .. "/examples"

local function port_of(text)
  return text:match("%d+$")
end

local changed -- an example that was changed for a test: watched by its server until that is closed

-- A stage whose server runs that example; people: user -> what the phone of that user does with a call.
-- s.invited has the users that were called, in order.
local function open(name, people, change)
  local exchange = assert(moonline.agent())
  local path = ("%s/%s.lua"):format(EXAMPLES, name)
  if change then
    changed = os.tmpname()
    path = process.write(changed, change(process.read(path)))
  end
  local s = stage.open(function(app)
    return {
      voice = { script = path },
      sip = { resolve = { ["example.com"] = "127.0.0.1:" .. port_of(exchange.addresses[1]) } },
      webhook = { resolve = { ["mail.example.com"] = "127.0.0.1:" .. port_of(app) } },
    }
  end)
  s.phones[1], s.invited = exchange, {}
  local invited = s.invited
  exchange:on("call", function(call)
    local user = call.to:match("^sip:([^@]+)@")
    invited[#invited + 1] = user
    local takes = people and people[user]
    if not takes then return call:reject(404) end
    return takes(call)
  end)
  return s
end

-- What a server said to anybody so far, one after another.
local function said(s)
  local list = {}
  for _, event in ipairs(s:seen "sound") do list[#list + 1] = event.say end
  return table.concat(list, " ")
end

local function press(leg, keys)
  leg.core:play { digits = keys }
end

-- Does `ear`, a leg of alice's phone, hear what the other one says?
local function hears(s, ear, other)
  local listening <close> = audio.listen(s.alice, ear)
  other:play { tone = "440", seconds = 1 }
  return audio.amplitude(listening:stop()[1], 440, 0.3, 0.9) > 1000
end

-- Waits until something is true, at most a minute.
local function soon(fn)
  local limit = moonline.clock() + 60
  while not fn() do
    if moonline.clock() > limit then error("it never came", 2) end
    moonline.sleep(0.1)
  end
end

local function answers_and_presses(key)
  return function(call)
    call:answer()
    moonline.sleep(1)
    if key then press(call, key) end
    while true do call:wait { "digit" } end
  end
end

describe("examples/menu.lua", function()
  it("L1 tells the hours", function()
    local s <close> = open "menu"
    local alice = assert(s:call())
    press(alice, "1")
    s:quiet()
    assert.matches("open from nine to five", said(s))
    assert.same({}, s.invited)
  end)

  it("L1 connects with the desk", function()
    local s <close> = open("menu", { desk = story.answers })
    local alice = assert(s:call())
    press(alice, "2")
    soon(function() return #s.invited == 1 end)
    moonline.sleep(1)
    assert.equal("in-progress", alice.state)
    alice:hangup()
    s:quiet()
  end)

  it("L1 says that the desk is busy", function()
    local s <close> = open("menu", { desk = story.refuses(486) })
    local alice = assert(s:call())
    press(alice, "2")
    s:quiet()
    assert.matches("The desk is busy", said(s))
  end)

  it("L1 asks three times", function()
    local s <close> = open "menu"
    local alice = assert(s:call())
    press(alice, "7")
    s:quiet()
    local _, asked = said(s):gsub("Press 1 for", "")
    assert.equal(3, asked)
    assert.matches("not one of the choices.*still there.*Goodbye", said(s))
  end)
end)

describe("examples/voicemail.lua", function()
  it("L1 takes a message when kate does not answer, and tells the mail room", function()
    local s <close> = open("voicemail", { kate = story.rings })
    s.web["/messages"] = ""
    local alice = assert(s:call())
    soon(function() return said(s):find "leave a message" end)
    moonline.sleep(8)
    alice:play { tone = "440", seconds = 3 }
    press(alice, "#")
    local message = s:request("/messages").params
    assert.equal("no-answer", message.why)
    assert.matches("^sip:alice@", message.from)
    assert.matches("/Recordings/RE%x+$", message.url)
    assert.near(3, tonumber(message.seconds), 1)
    s:quiet()
    assert.matches("Kate will hear it", said(s))
  end)

  it("L1 keeps the message of a caller who just hangs up", function()
    local s <close> = open("voicemail", { kate = story.refuses(486) })
    s.web["/messages"] = ""
    local alice = assert(s:call())
    soon(function() return said(s):find "leave a message" end)
    moonline.sleep(8)
    alice:play { tone = "440", seconds = 2 }
    alice:hangup()
    assert.equal("busy", s:request("/messages").params.why)
    s:quiet()
  end)

  it("L1 connects with kate when she is there", function()
    local s <close> = open("voicemail", { kate = story.answers })
    local alice = assert(s:call())
    moonline.sleep(3)
    alice:hangup()
    s:quiet()
    assert.equal("", said(s))
  end)
end)

describe("examples/ring_group.lua", function()
  it("L1 gives the call to the one who pressed 1, not to the first that answered", function()
    local s <close> = open("ring_group", {
      bob = answers_and_presses(nil), -- a mailbox
      ["bob.mobile"] = function(call)
        call:ring()
        moonline.sleep(2)
        return answers_and_presses "1"(call)
      end,
    })
    local alice = assert(s:call())
    moonline.sleep(8)
    assert.same({ "bob", "bob.mobile" }, s.invited)
    assert.equal(2, s.server.env.agent:legs()) -- alice's and the mobile's
    alice:hangup()
    s:quiet()
  end)

  it("L1 says that nobody is there", function()
    local s <close> = open("ring_group", { bob = answers_and_presses "2" })
    assert(s:call())
    s:quiet()
    assert.matches("Nobody is there now", said(s))
  end)
end)

describe("examples/callback.lua", function()
  it("L1 calls back and connects, once an agent is there", function()
    local talked, tries = 0, 0
    local s <close> = open("callback", {
      agent = function(call)
        tries = tries + 1
        if tries == 1 then return call:reject(486) end
        return story.answers(call)
      end,
      alice = function(call)
        call:answer()
        moonline.sleep(5)
        talked = talked + 1
      end,
    })
    local alice = assert(s:call())
    press(alice, "1")
    soon(function() return alice.box:wait({ "ended" }, 0) ~= nil end)
    moonline.sleep(180)
    s:quiet()
    assert.same({ "agent", "agent", "alice" }, s.invited)
    assert.equal(1, talked)
  end)

  it("L1 lets who does not press 1 go", function()
    local s <close> = open "callback"
    assert(s:call())
    s:quiet()
    moonline.sleep(120)
    assert.same({}, s.invited)
    assert.matches("call again later", said(s))
  end)
end)

describe("examples/click_to_call.lua", function()
  after_each(function() os.remove(changed) end)

  local function clicked(people)
    local port = process.port "tcp"
    local s = open("click_to_call", people, function(text)
      return (text:gsub("8081", tostring(port)))
    end)
    return s, ("http://127.0.0.1:%d/calls"):format(port)
  end

  it("L1 calls one, then the other, and connects them", function()
    local kate
    local s, url = clicked {
      bob = story.answers,
      kate = function(call)
        kate = call
        story.answers(call)
      end,
    }
    local _ <close> = s
    assert.equal(202, moonline.http.post(url, { from = "kate", to = "bob" }).status)
    soon(function() return #s.invited == 2 end)
    moonline.sleep(2)
    assert.same({ "kate", "bob" }, s.invited)
    assert.equal(2, s.server.env.agent:legs())
    kate:hangup()
    s:quiet()
  end)

  it("L1 tells the first that the second does not answer", function()
    local s, url = clicked { kate = story.answers, bob = story.refuses(480) }
    local _ <close> = s
    moonline.http.post(url, { from = "kate", to = "bob" })
    s:quiet()
    assert.matches("There is no answer", said(s))
  end)

  it("L1 refuses what is no name, and other requests", function()
    local s, url = clicked()
    local _ <close> = s
    assert.equal(400, moonline.http.post(url, { from = "kate", to = "bob@evil.example" }).status)
    assert.equal(404, moonline.http.get(url).status)
    assert.same({}, s.invited)
  end)
end)

describe("examples/conference.lua", function()
  -- One more caller, who enters a PIN.
  local function enters(s, pin)
    local leg = assert(s:call())
    press(leg, pin .. "#")
    return leg
  end

  it("L1 begins with the host, and ends with him", function()
    local s <close> = open "conference"
    local guest = enters(s, "2222")
    soon(function() return said(s):find "begins when the host" end)
    moonline.sleep(10)
    local host = enters(s, "1111")
    soon(function() return said(s):find "You are the host" end)
    moonline.sleep(6)
    assert.is_true(hears(s, guest, host))
    host:hangup()
    soon(function() return said(s):find "The meeting is over" end)
    s:quiet()
  end)

  it("L1 lets nobody in without a PIN", function()
    local s <close> = open "conference"
    local alice = enters(s, "3333")
    moonline.sleep(1)
    assert.equal("in-progress", alice.state)
    s:quiet()
    assert.equal(3, select(2, said(s):gsub("Enter your PIN", "")))
  end)
end)

describe("examples/queue.lua", function()
  it("L1 gives an agent one caller after the other", function()
    local s <close> = open "queue"
    local first, second = assert(s:call()), assert(s:call())
    moonline.sleep(2)
    local agent = assert(s:call { uri = s:uri "agents" })
    moonline.sleep(8)
    assert.is_true(hears(s, first, agent))
    assert.is_false(hears(s, second, agent))
    press(agent, "*")
    soon(function() return said(s):find "Next" end)
    moonline.sleep(8)
    assert.is_true(hears(s, second, agent))
    agent:hangup()
    s:quiet()
    assert.equal(2, select(2, said(s):gsub("Thank you for calling", "")))
  end)
end)

describe("examples/", function()
  it("L1 V4 verbs/survey.lua passes its own test", function()
    local pipe = assert(io.popen(("'%s' --virtual '%s/verbs/survey_spec.lua' 2>&1"):format(
      process.moonline, EXAMPLES)))
    local output = pipe:read "a"
    assert.is_true(pipe:close(), output)
    assert.equal(3, select(2, output:gsub("ok %- ", "")))
  end)

  it("are short, and all are run", function()
    local own = process.read(process.root .. "/spec/calls/examples_spec.lua")
      .. process.read(process.root .. "/spec/sipp/stream_spec.lua")
    for entry in lfs.dir(EXAMPLES) do
      local name = entry:match("^(.*)%.lua$")
      if name and name ~= "demo" then
        local _, lines = process.read(EXAMPLES .. "/" .. entry):gsub("\n", "")
        assert.is_true(lines < 60, entry)
        assert.truthy(own:find('describe("examples/' .. entry, 1, true), entry .. " is not run")
      end
    end
  end)
end)

-- What README.md and docs/lua.md show is run as it stands there; only kate moves to a free port.
local lfs = require "lfs"
local meeting = require "support.meeting"
local moonline = require "moonline"
local signature = require "moonline.webhook.signature"
local stage = require "support.stage"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

-- The n-th block of Lua in a document.
local function lua_block(path, wanted)
  local number = 0
  for block in read(path):gmatch "```lua\n(.-)```" do
    number = number + 1
    if number == wanted then return block end
  end
  error(("%s has %d blocks of Lua"):format(path, number))
end

local written = {} -- files of a test, watched by its server until it is closed

local function remove_written()
  for _ = 1, #written do os.remove(table.remove(written)) end
end

-- A stage whose server runs this text for every call; kate's address takes the place of `address`.
local function open(kind, text, address, options)
  local path = os.tmpname()
  write(path, text)
  local s = stage.open { numbers = { line = { [kind] = path } } }
  local kate = s:phone("kate", options and options.kate or function(call)
    call:answer()
    call:wait {}
  end)
  local moved, count = text:gsub(address:gsub("%p", "%%%0"), (kate.address:gsub("%%", "%%%%")))
  assert(count > 0, "kate is not in the text")
  write(path, moved)
  assert(s.server:reload())
  written[#written + 1] = path
  return s
end

describe("README.md", function()
  after_each(remove_written)

  local document = read("README.md"):match "<<'END'\n(.-)END\n"
  local script = lua_block("README.md", 1)
  local kate_at = "sip:kate@127.0.0.1:5070"

  it("shows a document that connects and records a call", function()
    local s <close> = open("twiml", document, kate_at)
    local alice = assert(s:call())
    moonline.sleep(15)
    alice:hangup()
    s:quiet()
    local recording = s:seen("recording")[1]
    assert.equal("completed", s:seen("dialled")[1].status)
    assert.is_true(recording.duration > 5)
    assert.is_true(lfs.attributes(recording.path, "size") > 16000)
  end)

  it("shows a script that connects a caller who presses 1", function()
    local talked
    local s <close> = open("script", script, kate_at, { kate = function(call)
      call:answer()
      moonline.sleep(0.5) -- the key that alice pressed still sounds
      talked = call:gather { digits = 2, timeout = 30 }
      call:wait {}
    end })
    local alice = assert(s:call())
    moonline.sleep(1)
    alice:send_digits "1"
    moonline.sleep(1)
    alice:send_digits "23"
    alice:hangup()
    s:quiet()
    assert.equal("23", talked)
  end)

  it("shows a script that says goodbye to others, and why kate is not there", function()
    local rang = 0
    local s <close> = open("script", script, kate_at, { kate = function(call)
      rang = rang + 1
      call:reject "busy"
    end })
    for _, key in ipairs { "2", "1" } do
      local alice = assert(s:call())
      moonline.sleep(1)
      moonline.spawn(alice.send_digits, alice, key)
      s:quiet()
    end
    assert.equal(1, rang)
  end)

  it("names commands that are there", function()
    local _, count = read("README.md"):gsub("build/moonline (%l+)", function(name)
      assert.is_table(require("moonline.cli." .. name))
    end)
    assert.is_true(count >= 3)
  end)
end)

describe("docs/lua.md", function()
  after_each(remove_written)

  it("begins with a script that works", function()
    local s <close> = open("script", lua_block("docs/lua.md", 1), "sip:kate@10.0.0.7")
    local alice = assert(s:call())
    moonline.sleep(1)
    alice:send_digits "1"
    moonline.sleep(1)
    assert.equal(3, s.server:legs() + #s.legs) -- alice's and kate's, and alice's own
    alice:hangup()
    s:quiet()
  end)

  it("lets many meet as it says: in a queue, and in a conference", function()
    local path = os.tmpname()
    write(path, lua_block("docs/lua.md", 2))
    written[#written + 1] = path
    local route = { script = path }
    local s <close> = stage.open { numbers = { line = route, staff = route } }
    local alice = assert(s:call())
    moonline.sleep(1)
    alice:send_digits "2"
    meeting.seen(s, "enqueued")
    local staff = assert(s:call { uri = s:uri "staff" })
    meeting.seen(s, "bridged")
    alice:hangup()
    local other = assert(s:call())
    moonline.sleep(1)
    other:send_digits "1"
    meeting.seen(s, "conference")
    other:hangup()
    s:quiet()
    assert.is_truthy(staff.box:wait({ "ended" }, 0))
  end)

  it("builds TwiML as it says", function()
    local printed
    local chunk = assert(load(lua_block("docs/lua.md", 3), "=docs", "t",
      setmetatable({ print = function(r) printed = tostring(r) end }, { __index = _G })))
    chunk()
    local parsed, problems = moonline.twiml.parse(printed)
    assert.same({}, problems)
    local sip = parsed.verbs[1].children[1]
    assert.equal("sip:kate@example.com", sip.text)
    assert.same({ "admin", "1234" }, { sip.attrs.username, sip.attrs.password })
  end)

  it("shows a web application that answers moonline and nobody else", function()
    local app, printed
    local text = lua_block("docs/lua.md", 4):gsub("port = 3000", "port = 0")
    assert(load(text, "=docs", "t", setmetatable({
      assert = function(opened)
        app = opened
        return opened
      end,
      os = { getenv = function() return "secret" end },
      print = function(line) printed = line end,
    }, { __index = _G })))()
    local _ <close> = app
    local url = printed:match "http://.*$"
    assert.equal(403, moonline.http.post(url).status)
    local signed = signature.of("secret", url, { { "To", "sip:x@y" } })
    local response = moonline.http.request { url = url, method = "POST",
      params = { To = "sip:x@y" }, headers = { ["X-Twilio-Signature"] = signed } }
    assert.equal(200, response.status)
    assert.matches("<Say>You called sip:x@y</Say>", response.body)
  end)

  it("shows a verb that can be used", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    write(folder .. "/survey.lua", lua_block("docs/lua.md", 5))
    local s <close> = stage.open { twiml = { verbs = { folder } } }
    s.web["/voice"] = stage.twiml '<Survey play="/ask.wav" max="5" action="/scored"/>'
    s.web["/scored"] = stage.twiml "<Hangup/>"
    local alice = assert(s:call())
    moonline.sleep(0.5)
    moonline.spawn(alice.send_digits, alice, "4") -- which hangs up in the middle of it
    s:quiet()
    os.remove(folder .. "/survey.lua")
    lfs.rmdir(folder)
    assert.equal("4", s:requests_to("/scored")[1].params.SurveyScore)
  end)

  it("waits for a key and an agent at once", function()
    local text = read("docs/lua.md"):match "## Several things at once.-```lua\n(.-)```"
    local s <close> = open("script", text, "sip:agent@10.0.0.7", { kate = function(call)
      call:ring()
      call:wait({}, 20)
      call:answer()
      call:wait {}
    end })
    local alice = assert(s:call())
    moonline.sleep(2)
    alice.core:play { digits = "1" }
    s:quiet()
    assert.equal("We will call you.", s:seen("sound")[2].say)
    alice = assert(s:call())
    moonline.sleep(30)
    assert.equal("in-progress", alice.state)
    assert.equal(2, s.server:legs())
    alice:hangup()
    s:quiet()
  end)

  it("has no method that is not there", function()
    local Leg = require("moonline.leg").Leg
    require "moonline.call"
    local table_of_call = read("docs/lua.md"):match "## call\n(.-)\n## "
    local count = 0
    for name in table_of_call:gmatch "\n| `([%l_]+)" do
      assert.is_function(Leg[name], name)
      count = count + 1
    end
    assert.is_true(count > 10)
    local table_of_module = read("docs/lua.md"):match "## moonline\n(.-)\n## "
    for row in table_of_module:gmatch "\n| ([^|]+) |" do
      for name in row:gmatch "`([%l_]+)" do assert.is_truthy(moonline[name], name) end
    end
  end)
end)

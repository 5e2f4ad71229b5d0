-- Callbacks that are not lost: tried again, in order, whatever the application does meanwhile.
local audio = require "support.audio"
local changing = require "support.changing"
local lfs = require "lfs"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"
local sys = require "moonline.core.sys"

local ALL = 'statusCallbackEvent="initiated ringing answered completed"'
local IN_ORDER = "initiated ringing in-progress completed"

-- The receiver of callbacks, apart from the web app: it can be away. What it says is answer(request).
local Receiver = {}
Receiver.__index = Receiver

local function receiver()
  local self = setmetatable({ got = {}, answer = function() return 204 end }, Receiver)
  self:open()
  return self
end

function Receiver:open()
  self.app = assert(moonline.http.serve({ port = self.port }, function(request)
    request.time = moonline.clock()
    local status, body, headers = self.answer(request)
    if status // 100 == 2 then self.got[#self.got + 1] = request end
    return status, body, headers
  end))
  self.port = self.port or self.app.port
  self.url = self.app.url
end

function Receiver:away()
  self.app:close()
end

Receiver.__close = Receiver.away

-- The calls it was told of: CallSid -> "initiated ringing ...".
function Receiver:told()
  local calls = {}
  for _, request in ipairs(self.got) do
    local sid = request.params.CallSid
    calls[sid] = (calls[sid] and calls[sid] .. " " or "") .. request.params.CallStatus
  end
  return calls
end

local function open(app, options, server_options)
  local s = stage.open(options, server_options)
  local kate = s:phone("kate", party.takes { ring = 1, talk = 1 })
  s.web["/voice"] = stage.twiml(([[<Dial action="/after">
    <Sip statusCallback="%s/cb" %s>%s</Sip></Dial>]]):format(app.url, ALL, kate.address))
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local function play(s, count)
  for _ = 1, count or 1 do
    party.ended(assert(s:call()))
    s:quiet()
  end
end

local function pending(s)
  return s.server.env.records:health().pending
end

-- All that was pushed was told, in order, for that many calls.
local function all_told(app, count)
  local calls = 0
  for _, told in pairs(app:told()) do
    assert.equal(IN_ORDER, told)
    calls = calls + 1
  end
  assert.equal(count, calls)
end

describe("the outbox", function()
  it("V5 the receiver is away for ten minutes: all comes afterwards, in order", function()
    local app <close> = receiver()
    local s <close> = open(app)
    app:away()
    local begun = moonline.clock()
    play(s, 5)
    assert.near(10, moonline.clock() - begun, 1) -- nobody waits for it
    moonline.sleep(600)
    assert.equal(20, pending(s))
    app:open()
    moonline.sleep(310)
    all_told(app, 5)
    assert.equal(0, pending(s))
    for i, request in ipairs(app.got) do
      assert.equal("call-progress-events", request.params.CallbackSource)
      assert.matches("^%w%w%w, ", request.params.Timestamp)
      assert.is_string(request.headers["x-twilio-signature"], i)
    end
  end)

  it("V5 each try carries the same token; other callbacks have others", function()
    local app <close> = receiver()
    local s <close> = open(app)
    local tokens, tries = {}, 0
    app.answer = function(request)
      tries = tries + 1
      local token = assert(request.headers["i-twilio-idempotency-token"])
      tokens[token] = tokens[token] or request.params.CallStatus
      assert.equal(tokens[token], request.params.CallStatus)
      return tries % 3 == 0 and 200 or 503, ""
    end
    play(s)
    moonline.sleep(60)
    all_told(app, 1)
    assert.equal(12, tries)
    local count = 0
    for _ in pairs(tokens) do count = count + 1 end
    assert.equal(4, count)
  end)

  it("V5 any 2xx is delivery, 3xx is followed, all else is tried again", function()
    local app <close> = receiver()
    local s <close> = open(app)
    local answers = {
      { 301, "", { { "Location", "/elsewhere" } } }, { 404, "" }, { 500, "" }, { 429, "" },
      { 302, "" }, { 410, "" }, { 202, "gone as well as done" },
    }
    local step, paths = 0, {}
    app.answer = function(request)
      paths[#paths + 1] = request.path
      if request.path == "/elsewhere" then return 500, "not there either" end
      step = step + 1
      return table.unpack(answers[step] or { 299, "" })
    end
    play(s)
    moonline.sleep(200)
    all_told(app, 1)
    assert.equal("/elsewhere", paths[2])
    assert.equal(0, pending(s))
  end)

  it("V5 the tries of the first half minute carry the call's cookies", function()
    local app <close> = receiver()
    local s <close> = open(app)
    local page = s.web["/voice"]
    s.web["/voice"] = function() return 200, page, { ["Set-Cookie"] = "place=left; Path=/" } end
    local cookies, begun = {}, nil
    app.answer = function(request)
      if request.params.CallStatus ~= "initiated" then return 204 end
      begun = begun or moonline.clock()
      cookies[#cookies + 1] = request.headers.cookie or "none"
      return moonline.clock() - begun < 60 and 503 or 204, ""
    end
    play(s)
    moonline.sleep(100)
    all_told(app, 1)
    assert.same((("place=left "):rep(6) .. "none"), table.concat(cookies, " "))
  end)

  it("V5 a slow receiver of one call holds no other", function()
    local app <close> = receiver()
    local s <close> = open(app)
    local slow
    app.answer = function(request)
      slow = slow or request.params.CallSid
      if request.params.CallSid == slow then moonline.sleep(8) end
      return 204
    end
    for _ = 1, 2 do party.ended(assert(s:call())) end
    moonline.sleep(1)
    local told = app:told()
    assert.is_nil(told[slow])
    moonline.sleep(40)
    all_told(app, 2)
  end)

  it("L2 V5 outlives the policy that pushed it", function()
    local folder <close> = changing.folder()
    assert(os.execute(("cp -r '%s/moonline' '%s/'"):format(sys.lua_dir(), folder.path)))
    local app <close> = receiver()
    local s <close> = open(app, nil, { lua = folder.path })
    app:away()
    play(s, 2)
    local outcome = folder.path .. "/moonline/dial/outcome.lua"
    changing.change(s, outcome, changing.read(outcome) .. "\n")
    assert.equal(1, changing.generations(s)) -- the old one is gone
    assert.equal(8, pending(s))
    app:open()
    moonline.sleep(30)
    all_told(app, 2)
  end)

  it("V5 what was left is tried at once at the next start", function()
    local app <close> = receiver()
    local store
    do
      local s <close> = open(app)
      store = s.store .. ".kept"
      app:away()
      play(s, 3)
      moonline.sleep(100)
      assert.equal(12, pending(s))
      s.server:close()
      moonline.sleep(20) -- what was under way has failed
      assert(os.execute(("cp -r '%s' '%s'"):format(s.store, store)))
    end
    app:open()
    local s <close> = open(app, { store = { path = store } })
    moonline.sleep(2)
    all_told(app, 3)
    assert.equal(0, pending(s))
    assert.equal(6, #s.server.env.store:list("call", { where = { { "finish", "~=", false } } }))
    os.execute(("rm -rf '%s'"):format(store))
  end)

  it("L2 V5 the end of the server waits for what was never tried, and no longer", function()
    local app <close> = receiver()
    local s <close> = open(app)
    app.answer = function()
      moonline.sleep(3)
      return 204
    end
    party.ended(assert(s:call()))
    moonline.sleep(0.5)
    s.server:drain()
    moonline.sleep(6)
    assert.equal("waiting", s.server.task:state()) -- four, one after the other
    moonline.sleep(8)
    assert.equal("done", s.server.task:state())
    all_told(app, 1)
  end)

  it("L2 V5 the end of the server does not wait for another try", function()
    local app <close> = receiver()
    local s <close> = open(app)
    app:away()
    play(s)
    s.server:drain()
    moonline.sleep(2)
    assert.equal("done", s.server.task:state())
    assert.equal(4, pending(s))
  end)

  it("V5 a second server does not take the store of a first", function()
    local s <close> = stage.open()
    local other, why = moonline.server { store = { path = s.store },
      sip = { listen = { "udp:127.0.0.1:0" } }, http = { listen = "off" } }
    assert.is_nil(other)
    assert.matches("in use by another moonline", why)
  end)
end)

describe("after a crash", function()
  -- What a run leaves that was killed in the midst of calls: a copy of its store.
  local function killed(fn)
    local app <close> = receiver()
    local copy
    do
      local s <close> = open(app)
      copy = s.store .. ".kept"
      fn(s, app, function()
        assert(s.server.env.store:list("call")) -- all is written
        assert(os.execute(("cp -r '%s' '%s'"):format(s.store, copy)))
      end)
    end
    app.got = {}
    return copy, app
  end

  it("OS-1 a call that was alive has failed, and its end is told", function()
    local sids = {}
    local kept, app = killed(function(s, app, copy)
      s.phones[1]:on("call", party.takes { ring = 1, talk = 30 })
      local alice = assert(s:call())
      moonline.sleep(5)
      for _, request in ipairs(app.got) do
        sids[request.params.CallStatus] = request.params.CallSid
      end
      copy()
      alice:hangup()
      s:quiet()
    end)
    app:open()
    local s <close> = open(app, { store = { path = kept } })
    moonline.sleep(1)
    assert.equal(1, #app.got)
    local p = app.got[1].params
    assert.equal(sids["in-progress"], p.CallSid)
    assert.equal("failed", p.CallStatus)
    assert.equal("3", p.SequenceNumber)
    assert.equal("call-progress-events", p.CallbackSource)
    assert.equal("outbound-dial", p.Direction)
    assert.matches("^CA%x+$", p.ParentCallSid)
    assert.matches("^sip:kate@", p.To)
    assert.is_string(p.CallDuration)
    local rows = s.server.env.store:list "call"
    assert.equal(2, #rows)
    for _, row in ipairs(rows) do
      assert.equal("failed", row.status)
      assert.is_number(row.finish)
      assert.is_true(row.duration < 10)
    end
    app:away()
    os.execute(("rm -rf '%s'"):format(kept))
  end)

  it("OS-1 a recording is made readable and has its real length", function()
    local kept, app = killed(function(s, app, copy)
      s.phones[1]:on("call", party.takes { talk = 30 })
      s.web["/voice"] = s.web["/voice"]:gsub("<Dial ", ([[<Dial record="record-from-answer-dual"
        recordingStatusCallback="%s/rec" ]]):format(app.url))
      local alice = assert(s:call())
      moonline.sleep(5)
      copy()
      alice:hangup()
      s:quiet()
    end)
    app:open()
    local sid
    for name in lfs.dir(kept .. "/recordings") do sid = name:match("^(RE%x+)%.wav$") or sid end
    local file = assert(io.open(("%s/recordings/%s.wav"):format(kept, sid), "r+b"))
    file:seek("set", 40)
    file:write "\0\0\0\0" -- as if the lengths had not been written
    file:seek("end")
    file:write "odd" -- and a frame only in part
    file:close()
    local s <close> = open(app, { store = { path = kept } })
    moonline.sleep(1)
    local row = s.server.env.store:get("recording", sid)
    assert.equal("completed", row.status)
    assert.near(4.5, row.duration, 0.5) -- at most a second was not written yet
    local told
    for _, request in ipairs(app.got) do
      if request.path == "/rec" then told = request.params end
    end
    assert.equal("completed", told.RecordingStatus)
    assert.equal(tostring(math.floor(row.duration + 0.5)), told.RecordingDuration)
    assert.matches(sid .. "$", told.RecordingUrl)
    local wav = audio.read(("%s/recordings/%s.wav"):format(kept, sid))
    assert.near(row.duration, wav.seconds, 0.001)
    assert.equal(2, wav.channels)
    app:away()
    os.execute(("rm -rf '%s'"):format(kept))
  end)
end)

-- Files that may not grow any more stand for a full disk: records and recordings alike.
describe("a full disk", function()
  local function limit(bytes)
    assert(os.execute(("prlimit --pid $PPID --fsize=%s:unlimited"):format(bytes)))
  end

  it("OS-4 the call goes on, the recording has failed, and the callbacks say so", function()
    local app <close> = receiver()
    local s <close> = open(app)
    s.phones[1]:on("call", party.takes { talk = 60 })
    s.web["/voice"] = s.web["/voice"]:gsub("<Dial ", ([[<Dial record="record-from-answer"
      recordingStatusCallback="%s/rec" ]]):format(app.url))
    local _ <close> = setmetatable({}, { __close = function() limit "unlimited" end })
    local alice = assert(s:call())
    moonline.sleep(2)
    limit(4096)
    moonline.sleep(20)
    assert.is_true(party.audio(alice, 1) >= 0)
    assert.equal("up", alice.core:state())
    local health = moonline.json.decode(
      moonline.http.get("http://" .. s.server.http_address .. "/health").body)
    party.ended(alice)
    s:quiet()
    moonline.sleep(1)
    limit "unlimited"
    local after = s:request("/after").params
    assert.equal("completed", after.DialCallStatus)
    assert.is_nil(after.RecordingUrl)
    local recording, ending
    for _, request in ipairs(app.got) do
      local p = request.params
      if request.path == "/rec" then recording = p end
      if p.CallStatus == "completed" then ending = p end
    end
    assert.equal("failed", recording.RecordingStatus)
    assert.equal("60", ending.CallDuration)
    assert.is_nil(ending.RecordingUrl)
    assert.equal("degraded", health.status) -- the end of the recording was to be written by then
    health = s.server.env.records:health()
    assert.matches("cannot write", health.problem)
    assert.is_true(health.lost > 0)
    s.server.env.store:put("call", { sid = "CA1", status = "busy" })
    assert.is_table(s.server.env.store:get("call", "CA1"))
    assert.is_nil(s.server.env.records:health().problem)
  end)
end)

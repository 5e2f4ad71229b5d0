-- kill -9 at random instants under load, with the receiver of callbacks up and down: afterwards every
-- call has one final record, every event of every call was told exactly once (tokens tell which came twice),
-- and every recording can be read. In real time, a server process after the other on one store.
-- KILLS says how often (spec/long/kills: 200).
local audio = require "support.audio"
local core_store = require "moonline.core.store"
local lfs = require "lfs"
local moonline = require "moonline"
local process = require "support.process"
local store = require "moonline.store"
local task = require "moonline.task"

local KILLS = tonumber(os.getenv "KILLS" or "") or 10
local CALLERS = 6 -- at the same time
local FINAL = {
  completed = true, failed = true, busy = true, ["no-answer"] = true, canceled = true,
}

-- ---- the application --------------------------------------------------------------------------

local App = {}
App.__index = App

local function document(self)
  local record = math.random() < 0.5 and 'record="record-from-answer-dual"' or ""
  return ([[<Response><Dial action="%s/after" %s recordingStatusCallback="%s/rec">
    <Sip statusCallback="%s/cb" statusCallbackEvent="initiated ringing answered completed">%s</Sip>
    </Dial></Response>]]):format(self.web.url, record, self.url, self.url, self.kate:uri "kate")
end

-- Callbacks are kept once each: the token is what tells.
function App:listen()
  if self.hooks then return end
  self.hooks = assert(moonline.http.serve({ port = self.port }, function(request)
    local token = request.headers["i-twilio-idempotency-token"]
    if not self.kind and math.random() < 0.1 then return 500, "not now" end
    self.last = task.clock()
    if self.seen[token] then
      self.twice = self.twice + 1
      return 204
    end
    self.seen[token] = true
    local list = request.path == "/cb" and self.calls or self.recordings
    local key = request.params[request.path == "/cb" and "CallSid" or "RecordingSid"]
    list[key] = list[key] or {}
    table.insert(list[key], request.params)
    return 204
  end))
  self.port, self.url = self.hooks.port, self.hooks.url
end

function App:away()
  if self.hooks then self.hooks:close() end
  self.hooks = nil
end

function App:close()
  self:away()
  self.web:close()
end

App.__close = App.close

local function application()
  local self = setmetatable({ seen = {}, calls = {}, recordings = {}, voice = {},
    twice = 0, last = 0 }, App)
  self.web = assert(moonline.http.serve({}, function(request)
    if request.path ~= "/voice" then return "<Response><Hangup/></Response>" end
    self.voice[request.params.CallSid] = true
    return document(self)
  end))
  self:listen()
  return self
end

-- ---- a server, and those who call it ----------------------------------------------------------

local function serve(app, folder)
  local server = process.start { process.moonline, "serve", "--sip", "udp:127.0.0.1:0", "--http",
    "127.0.0.1:0", "--voice-url", app.web.url .. "/voice", "--set", "store.path=" .. folder }
  server.port = server:await("^ready sip=udp:127.0.0.1:(%d+)")
  return server
end

local function talk(call)
  call:answer()
  call.core:play { tone = "600", ms = 0 }
  while true do call:wait { "digit" } end
end

-- Calls again and again until it is cancelled.
local function caller(alice, uri)
  while true do
    local _ <close> = alice:call(uri, { from = "alice", timeout = 5 })
    task.sleep(math.random() * 0.3)
  end
end

-- Load for a while, then the end of the server: in the midst of it.
local function round(app, folder)
  local alice <close> = assert(moonline.agent())
  local kate <close> = assert(moonline.agent())
  kate:on("call", talk)
  app.kate = kate
  local server <close> = serve(app, folder)
  local callers = {}
  for i = 1, CALLERS do
    callers[i] = task.spawn(caller, alice, "sip:line@127.0.0.1:" .. server.port)
  end
  task.sleep(math.random() * 0.2)
  if math.random() < 0.5 then app:away() else app:listen() end
  task.sleep(0.05 + math.random() * 0.6)
  server:signal "KILL"
  assert.equal(128 + 9, server:exit())
  for _, one in ipairs(callers) do one:cancel() end
end

-- A last server, which has nothing to do but to tell what was left.
local function settle(app, folder)
  app:listen()
  app.kind = true -- takes all that comes
  local server <close> = serve(app, folder)
  app.last = task.clock()
  process.eventually(function() return task.clock() - app.last > 0.5 end, "silence", 60)
  server:signal "TERM"
  assert.equal(0, server:exit())
end

-- ---- what must be so --------------------------------------------------------------------------

local function all(records, kind)
  local list, before = {}, nil
  repeat
    local rows, following = records:list(kind, { most = 1000, oldest = true, before = before })
    table.move(rows, 1, #rows, #list + 1, list)
    before = following
  until not before
  return list
end

local function check_calls(app, rows)
  local known = {}
  for _, row in ipairs(rows) do
    known[row.sid] = row
    assert.is_true(FINAL[row.status] == true, row.sid .. " is " .. row.status)
    assert.is_number(row.finish)
    if row.callback then assert.is_table(app.calls[row.sid], row.sid .. " was never told of") end
  end
  for sid, list in pairs(app.calls) do
    assert.is_table(known[sid], sid .. " has no record")
    for i, params in ipairs(list) do assert.equal(i - 1, tonumber(params.SequenceNumber)) end
    assert.equal(known[sid].status, list[#list].CallStatus)
  end
  for sid in pairs(app.voice) do
    assert.is_table(known[sid], sid .. " was asked a document for, and has no record")
  end
  return known
end

local function check_recordings(app, rows, folder)
  local known = {}
  for _, row in ipairs(rows) do
    known[row.sid] = row
    local told = assert(app.recordings[row.sid], row.sid .. " was never told of")
    assert.equal(1, #told)
    assert.equal(row.status, told[1].RecordingStatus)
  end
  local count = 0
  for name in lfs.dir(folder) do
    local sid = name:match("^(RE%x+)%.wav$")
    if sid then
      count = count + 1
      local wav = audio.read(folder .. "/" .. name)
      assert.is_table(known[sid], sid .. " has audio and no record")
      assert.near(known[sid].duration, wav.seconds, 0.002)
    end
  end
  return count
end

describe("kill -9 under load", function()
  it(("OS-1 V5 loses nothing (%d times)"):format(KILLS), function()
    math.randomseed(os.time())
    local folder = process.folder()
    local app <close> = application()
    for _ = 1, KILLS do round(app, folder) end
    settle(app, folder)
    local core <close> = assert(core_store.open { path = folder .. "/records.sqlite" })
    local records = store.new(core)
    assert.same({}, all(records, "callback"))
    local calls = all(records, "call")
    check_calls(app, calls)
    local wavs = check_recordings(app, all(records, "recording"), folder .. "/recordings")
    print(("%d kills, %d calls, %d recordings, %d callbacks came twice"):format(KILLS, #calls, wavs,
      app.twice))
    assert.is_true(#calls > 2 * KILLS)
    process.remove(folder)
  end)
end)

-- Recordings of live calls, begun and steered by the REST interface; what is recorded of placed calls.
local audio = require "support.audio"
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

local twiml = stage.twiml

local function tone(leg, hz, seconds)
  leg.core:play { tone = tostring(hz), ms = math.floor(seconds * 1000) }
end

-- The server calls kate, who does what `talk` says once she is there: the call as JSON.
local function placed(s, document, talk, fields)
  local kate = s:phone("kate", function(call)
    call:answer()
    if talk then talk(call) end
    party.stay(call)
  end)
  s.web["/answered"] = twiml(document)
  local form = { To = kate.address, From = "desk", Url = s.app.url .. "/answered" }
  for name, value in pairs(fields or {}) do form[name] = value end
  local status, call = rest.post(s, "/Calls.json", form)
  assert.equal(201, status)
  s:request "/answered"
  return call
end

local function finish(s, call)
  rest.post(s, "/Calls/" .. call.sid .. ".json", { Status = "completed" })
  s:quiet()
end

local function begin(s, call, fields)
  return rest.post(s, "/Calls/" .. call.sid .. "/Recordings.json", fields or {})
end

local function steer(s, call, which, fields)
  return rest.post(s, ("/Calls/%s/Recordings/%s.json"):format(call.sid, which), fields)
end

local function file_of(s, sid)
  return audio.read(s.store .. "/recordings/" .. sid .. ".wav")
end

-- Which of these frequencies are in the samples?
local function heard(samples, from, to)
  local list = {}
  for _, hz in ipairs { 600, 1000 } do
    if audio.amplitude(samples, hz, from or 0.5, to or 1.5) > 1000 then list[#list + 1] = hz end
  end
  return list
end

-- Kate, who says 600 Hz, talks with mary, who says 1000 Hz.
local function conversation(s, fields)
  local mary = s:phone("mary", function(call)
    call:answer()
    tone(call, 1000, 60)
    party.stay(call)
  end)
  local call = placed(s, ("<Dial><Sip>%s</Sip></Dial>"):format(mary.address),
    function(leg) tone(leg, 600, 60) end, fields)
  moonline.sleep(2)
  return call
end

local function children(s)
  local list = {}
  for _, sid in ipairs(s.server.env.calls:list()) do
    local record = s.server.env.store:get("call", sid)
    if record.direction == "outbound-dial" then list[#list + 1] = sid end
  end
  return list
end

describe("POST Calls/{sid}/Recordings", function()
  for _, case in ipairs {
    { "both sides, mixed, by default", {}, { { 600, 1000 } } },
    { "each side in its channel: RecordingChannels=dual", { RecordingChannels = "dual" },
      { { 600 }, { 1000 } } },
    { "RecordingTrack=inbound: what the party says", { RecordingTrack = "inbound" }, { { 600 } } },
    { "RecordingTrack=outbound: what it hears", { RecordingTrack = "outbound" }, { { 1000 } } },
  } do
    it("R1 records " .. case[1], function()
      local s <close> = stage.open()
      s.web["/rec"] = ""
      local call = conversation(s)
      case[2].RecordingStatusCallback = s.app.url .. "/rec"
      local status, made = begin(s, call, case[2])
      assert.equal(201, status)
      assert.equal("in-progress", made.status)
      assert.equal("StartCallRecordingAPI", made.source)
      assert.equal(case[2].RecordingTrack or "both", made.track)
      assert.equal(#case[3], made.channels)
      assert.equal(call.sid, made.call_sid)
      moonline.sleep(2)
      local _, done = steer(s, call, made.sid, { Status = "stopped" })
      assert.equal("completed", done.status)
      assert.equal("2", done.duration)
      local told = s:request("/rec").params
      assert.equal("completed", told.RecordingStatus)
      assert.equal(made.sid, told.RecordingSid)
      assert.equal(call.sid, told.CallSid)
      local one = file_of(s, made.sid)
      assert.equal(#case[3], one.channels)
      for channel, wanted in ipairs(case[3]) do assert.same(wanted, heard(one[channel])) end
      finish(s, call)
    end)
  end

  it("R1 records the child of a Dial, and what a prompt says", function()
    local s <close> = stage.open()
    local call = conversation(s)
    local _, made = begin(s, { sid = children(s)[1] }, { RecordingChannels = "dual" })
    assert.equal(201, (begin(s, call)))
    moonline.sleep(2)
    finish(s, call)
    moonline.sleep(1)
    local one = file_of(s, made.sid)
    assert.same({ 1000 }, heard(one[1]))
    assert.same({ 600 }, heard(one[2]))
    call = placed(s, '<Pause length="1"/><Play digits="1"/><Play digits="2222222222"/>')
    _, made = begin(s, call, { RecordingTrack = "outbound", Trim = "trim-silence" })
    s:quiet()
    moonline.sleep(1)
    local _, record = rest.get(s, "/Recordings/" .. made.sid .. ".json")
    assert.equal("absent", record.status) -- keys go as events, and nothing else was said
  end)

  it("R1 V2 begins whatever the call is at: in a Gather, a queue, a conference", function()
    local s <close> = stage.open()
    for _, document in ipairs {
      '<Gather timeout="60"/>', "<Enqueue>line</Enqueue>",
      "<Dial><Conference>room</Conference></Dial>", '<Record timeout="60" maxLength="60"/>',
      "<Echo/>",
    } do
      local call = placed(s, document)
      moonline.sleep(1)
      local status, made = begin(s, call)
      assert.equal(201, status, document)
      local _, listed = rest.get(s, "/Calls/" .. call.sid .. "/Recordings.json")
      assert.equal(made.sid, listed.recordings[1].sid)
      moonline.sleep(1)
      finish(s, call)
      moonline.sleep(1)
      local _, record = rest.get(s, "/Recordings/" .. made.sid .. ".json")
      assert.equal("completed", record.status, document)
    end
  end)

  for _, case in ipairs {
    { "silence", { { 600 }, {}, { 600 } }, "6" }, { "skip", { { 600 }, { 600 } }, "4" },
  } do
    it("R1 is paused with " .. case[1] .. " and goes on: PauseBehavior", function()
      local s <close> = stage.open()
      local call = placed(s, '<Pause length="60"/>', function(leg) tone(leg, 600, 60) end)
      moonline.sleep(1)
      local _, made = begin(s, call)
      moonline.sleep(2)
      local status, now = steer(s, call, "Twilio.CURRENT",
        { Status = "paused", PauseBehavior = case[1] })
      assert.equal(200, status)
      assert.equal(made.sid, now.sid)
      assert.equal("paused", now.status)
      moonline.sleep(2)
      _, now = steer(s, call, "Twilio.CURRENT", { Status = "in-progress" })
      assert.equal("in-progress", now.status)
      moonline.sleep(2)
      _, now = steer(s, call, made.sid, { Status = "stopped" })
      assert.equal("completed", now.status)
      assert.equal(case[3], now.duration)
      local one = file_of(s, made.sid)
      for i, wanted in ipairs(case[2]) do
        assert.same(wanted, heard(one[1], 2 * i - 1.5, 2 * i - 0.5))
      end
      status, now = steer(s, call, made.sid, { Status = "paused" })
      assert.equal(400, status)
      assert.equal(21220, now.code)
      assert.equal(404, (steer(s, call, "Twilio.CURRENT", { Status = "paused" })))
      finish(s, call)
    end)
  end

  it("R1 L2 reaches calls that an older generation of policy runs", function()
    local s <close> = stage.open()
    local call = placed(s, '<Pause length="60"/>', function(leg) tone(leg, 600, 60) end)
    assert(s.server:reload())
    local status, made = begin(s, call)
    assert.equal(201, status)
    assert(s.server:reload())
    moonline.sleep(2)
    local _, now = steer(s, call, made.sid, { Status = "stopped" })
    assert.equal("completed", now.status)
    assert.same({ 600 }, heard(file_of(s, made.sid)[1]))
    finish(s, call)
  end)

  it("R1 L3 a script that is not to be reached for a while takes no orders: 503", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write [[
      local moonline = require "moonline"
      moonline.on("call", function(call)
        call:answer()
        moonline.sleep(9)
        call:play { seconds = 60 }
      end)
    ]]
    file:close()
    local s <close> = stage.open { voice = { script = path } }
    s:call()
    moonline.sleep(1)
    local call = { sid = s.server.env.calls:list()[1] }
    local status, fault = begin(s, call)
    assert.equal(503, status)
    assert.matches("no orders", fault.message)
    moonline.sleep(5)
    assert.equal(201, (begin(s, call)))
    local _, list = rest.get(s, "/Recordings.json")
    assert.equal(1, #list.recordings)
    finish(s, call)
    os.remove(path)
  end)

  it("R1 steers the recordings of documents, too: a Record that is stopped goes on", function()
    local s <close> = stage.open()
    s.web["/said"] = twiml '<Pause length="5"/>'
    local call = placed(s, '<Record action="/said" playBeep="false" timeout="0"/>',
      function(leg) tone(leg, 600, 60) end)
    moonline.sleep(2)
    local status, now = steer(s, call, "Twilio.CURRENT", { Status = "stopped" })
    assert.equal(200, status)
    assert.equal("completed", now.status)
    assert.equal("RecordVerb", now.source)
    assert.equal(now.sid, s:request("/said", 1).params.RecordingUrl:match("RE%x+"))
    s:quiet()
  end)

  it("R1 says why nothing is recorded", function()
    local s <close> = stage.open()
    local call = placed(s, '<Pause length="60"/>')
    local wrong = {
      { RecordingChannels = "stereo" }, { RecordingTrack = "mine" }, { Trim = "yes" },
      { RecordingStatusCallback = "nonsense" }, { RecordingStatusCallbackEvent = "paused" },
    }
    for _, fields in ipairs(wrong) do assert.equal(400, (begin(s, call, fields))) end
    assert.equal(404, (begin(s, { sid = "CA" .. ("0"):rep(32) })))
    local _, made = begin(s, call)
    for _, fields in ipairs {
      {}, { Status = "absent" }, { Status = "paused", PauseBehavior = "x" },
    } do
      assert.equal(400, (steer(s, call, made.sid, fields)))
    end
    assert.equal(404, (rest.post(s, ("/Calls/CA%s/Recordings/%s.json"):format(("0"):rep(32),
      made.sid), { Status = "paused" })))
    assert.equal(405, (rest.post(s, "/Recordings.json", {})))
    assert.equal(409, (rest.request(s, "DELETE", "/Recordings/" .. made.sid .. ".json")))
    finish(s, call)
    local status, fault = begin(s, call)
    assert.equal(400, status)
    assert.equal(21220, fault.code)
    moonline.sleep(1)
    assert.equal(204, (rest.request(s, "DELETE", "/Recordings/" .. made.sid .. ".json")))
  end)

  it("R1 OS-4 one that cannot be written is failed at once, and the call goes on", function()
    local s <close> = stage.open()
    s.web["/rec"] = ""
    local call = placed(s, '<Pause length="20"/>')
    os.execute(("rm -r '%s/recordings'"):format(s.store))
    local _, made = begin(s, call, { RecordingStatusCallback = s.app.url .. "/rec" })
    assert.equal("failed", s:request("/rec", 5).params.RecordingStatus)
    local _, record = rest.get(s, "/Recordings/" .. made.sid .. ".json")
    assert.equal("failed", record.status)
    local _, now = rest.get(s, "/Calls/" .. call.sid .. ".json")
    assert.equal("in-progress", now.status)
    os.execute(("mkdir '%s/recordings'"):format(s.store))
    finish(s, call)
  end)
end)

describe("Record of a placed call", function()
  for channels, wanted in pairs { mono = { { 600, 1000 } }, dual = { { 600 }, { 1000 } } } do
    it("R1 has both sides: RecordingChannels=" .. channels, function()
      local s <close> = stage.open()
      local call = conversation(s, { Record = "true", RecordingChannels = channels })
      moonline.sleep(2)
      finish(s, call)
      local _, list = rest.get(s, "/Recordings.json", { CallSid = call.sid })
      assert.equal("OutboundAPI", list.recordings[1].source)
      local one = file_of(s, list.recordings[1].sid)
      assert.equal(#wanted, one.channels)
      for i, tones in ipairs(wanted) do assert.same(tones, heard(one[i], 2, 3)) end
    end)
  end
end)

describe("GET Recordings", function()
  it("R1 goes by CallSid, ConferenceSid and DateCreated, and by pages", function()
    local s <close> = stage.open()
    local call = placed(s, '<Pause length="60"/>')
    local sids = {}
    for i = 1, 3 do
      local _, made = begin(s, call)
      sids[4 - i] = made.sid
      moonline.sleep(2)
    end
    local function listed(query)
      local _, list = rest.get(s, "/Recordings.json", query)
      local found = {}
      for i, one in ipairs(list.recordings) do found[i] = one.sid end
      return found, list
    end
    assert.same(sids, (listed {}))
    assert.same(sids, (listed { CallSid = call.sid }))
    assert.same({}, (listed { CallSid = "CA" .. ("0"):rep(32) }))
    assert.same({}, (listed { ConferenceSid = "CF" .. ("0"):rep(32) }))
    assert.same(sids, (listed { DateCreated = "2026-01-01" }))
    assert.same({}, (listed { ["DateCreated<"] = "2025-12-31T23:59:59Z" }))
    assert.same({}, (listed { ["DateCreated>"] = "2026-01-02" }))
    local first, list = listed { PageSize = 2 }
    assert.same({ sids[1], sids[2] }, first)
    local _, rest_of = rest.request(s, "GET", list.next_page_uri, nil, { whole = true })
    assert.equal(sids[3], rest_of.recordings[1].sid)
    finish(s, call)
  end)
end)

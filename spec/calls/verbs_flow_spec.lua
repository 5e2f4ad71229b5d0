-- Verbs that decide where a call goes: Pause, Redirect, Reject, Hangup; verbs that are not known; verbs
-- of one's own.
local moonline = require "moonline"
local stage = require "support.stage"

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

-- How a call to this document began and ended: the refusal's code, or the seconds until the answer
-- and until the end.
local function fate(s, verbs, options)
  if verbs then s.web["/voice"] = stage.twiml(verbs) end
  local begun = moonline.clock()
  local alice, why, code = s:call(options)
  local answered = moonline.clock() - begun
  s:quiet()
  if not alice then return code, why end
  return nil, answered, moonline.clock() - begun
end

describe("V2 Pause", function()
  it("<Pause length> at the beginning puts the answer off", function()
    local s <close> = stage.open()
    local _, answered, ended = fate(s, '<Pause length="4"/>')
    assert.near(4, answered, 0.2)
    assert.near(4, ended, 0.3)
  end)

  it("<Pause> is a second without length, and silence on an answered call", function()
    local s <close> = stage.open()
    local _, answered, ended = fate(s, '<Pause/><Pause length="3"/>')
    assert.near(1, answered, 0.2)
    assert.near(4, ended, 0.3)
  end)

  it("ends with the call", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Pause/><Pause length="3600"/>'
    local alice = assert(s:call())
    moonline.sleep(2)
    alice:hangup()
    s:quiet(5)
    assert.same({}, codes(s))
  end)

  it("may be given up by the caller before the answer", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Pause length="30"/><Redirect>/never</Redirect>'
    local alice = s:begin()
    moonline.sleep(2)
    alice:hangup()
    s:quiet(5)
    assert.equal(0, #s:requests_to "/never")
  end)

  it("with a wrong length is one second: 13910", function()
    local s <close> = stage.open()
    local _, answered = fate(s, '<Pause length="-3"/>')
    assert.near(1, answered, 0.2)
    assert.same({ 13910 }, codes(s))
  end)
end)

describe("V2 Redirect", function()
  it("<Redirect method>: what follows is not reached, the call not answered by it", function()
    local s <close> = stage.open()
    s.web["/next"] = stage.twiml "<Reject reason='busy'/>"
    local code = fate(s, "<Redirect method='GET'>/next?a=1&amp;b=2</Redirect><Say>no</Say>")
    assert.equal(486, code)
    local request = s:requests_to("/next")[1]
    assert.equal("GET", request.method)
    assert.equal("1", request.params.a)
    assert.equal("2", request.params.b)
    assert.equal("ringing", request.params.CallStatus)
  end)

  it("<Redirect> without a URL is this document again", function()
    local s <close> = stage.open()
    local times = 0
    s.web["/voice"] = function()
      times = times + 1
      return stage.twiml(times < 3 and "<Redirect></Redirect>" or "<Hangup/>")
    end
    fate(s)
    assert.equal(3, times)
    assert.equal("POST", s.requests[3].method)
  end)

  it("to no URL goes on with the next verb: 11100", function()
    local s <close> = stage.open()
    s.web["/next"] = stage.twiml "<Hangup/>"
    fate(s, "<Redirect>ftp://x/y</Redirect><Redirect>/next</Redirect>")
    assert.equal(1, #s:requests_to "/next")
    assert.same({ 11100 }, codes(s))
  end)
end)

describe("V2 Reject", function()
  it("<Reject reason> refuses with 603, or 486 when busy, and tells the status", function()
    local s <close> = stage.open(function(app)
      return { voice = { url = app .. "/voice", status_callback = app .. "/status" } }
    end)
    s.web["/status"] = function() return 204, "" end
    assert.equal(603, fate(s, "<Reject/><Say>never</Say>"))
    assert.equal("no-answer", s:request("/status").params.CallStatus)
    assert.equal(486, fate(s, "<Reject reason='busy'/>"))
    assert.equal("busy", s:request("/status").params.CallStatus)
    assert.equal(603, fate(s, "<Reject reason='tired'/>"))
    assert.same({ 13810 }, codes(s))
    s:request "/status"
  end)

  it("<Reject> after another verb ends the answered call", function()
    local s <close> = stage.open()
    local code, answered, ended = fate(s, "<Pause/><Reject/>")
    assert.is_nil(code)
    assert.near(1, answered, 0.2)
    assert.near(1, ended, 0.3)
  end)
end)

describe("V2 Hangup", function()
  it("<Hangup> at the beginning answers and hangs up", function()
    local s <close> = stage.open()
    local code, answered, ended = fate(s, "<Hangup/><Say>never</Say>")
    assert.is_nil(code)
    assert.is_true(answered < 0.5 and ended < 1)
    assert.equal(1, #s:seen "verb")
  end)

  it("is what an empty document comes to", function()
    local s <close> = stage.open()
    local code, answered = fate(s, "")
    assert.is_nil(code)
    assert.is_true(answered < 0.5)
  end)
end)

describe("V3 what a document gets wrong", function()
  local WRONG = '\n  <Puase/>\n  <Pause lenght="9" length="2"/>\n  <Sip>x</Sip>\n  <Pay/>\n'

  it("is told with its place and a suggestion, and the call goes on", function()
    local s <close> = stage.open()
    local _, answered = fate(s, WRONG)
    assert.near(2, answered, 0.2)
    assert.same({ 12200, 12200, 12200, 13750 }, codes(s))
    local seen = s:seen "warning"
    assert.truthy(seen[1].text:find("/voice:3:3: <Puase> .* %(did you mean Pause%?%)"))
    assert.truthy(seen[2].text:find("/voice:4:10: .*lenght.* %(did you mean length%?%)"))
    assert.truthy(seen[3].text:find("/voice:5:3: .*Dial"))
    assert.truthy(seen[4].text:find("/voice:6:3: <Pay>", 1, true))
  end)

  it("is an error in strict mode: nothing of it runs, the first is the call's failure", function()
    local s <close> = stage.open { twiml = { mode = "strict" } }
    assert.equal(500, fate(s, WRONG))
    assert.equal(0, #s:seen "verb")
    assert.equal(4, #codes(s))
    assert.is_nil(fate(s, "<Pause/>"))
  end)

  it("is read kindly in the mode of the original", function()
    local s <close> = stage.open { twiml = { mode = "twilio" } }
    local _, answered = fate(s, '<Pause length="2 seconds"/>')
    assert.near(2, answered, 0.2)
  end)
end)

describe("V4 a verb of one's own", function()
  local SURVEY = [[
return {
  attrs = {
    play = { "url", required = true }, max = { "integer", default = 5, min = 1, max = 9 },
    action = { "url" },
  },
  children = { "Pause" },
  run = function(session, node)
    local a = node.attrs
    local list = {}
    for _, child in ipairs(node.children) do list[#list + 1] = session:source(child) end
    list[#list + 1] = { url = a.play, base = session.base }
    local key = session.call:gather { play = list, digits = 1, timeout = 3 }
    local score = tonumber(key) or 0
    if score < 1 or score > a.max then return session:warn(13999, "no score") end
    return a.action and session:fetch(a.action, { SurveyScore = score }, "GET")
  end,
}
]]

  local function files(list)
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    for name, text in pairs(list) do
      local file <close> = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
    end
    return setmetatable({ twiml = { verbs = { folder } } },
      { __close = function() os.execute("rm -rf " .. folder) end })
  end

  it("is a file in a folder of the configuration: it answers, asks, fetches", function()
    local folder <close> = files { ["survey.lua"] = SURVEY }
    local s <close> = stage.open(folder)
    s.web["/scored"] = stage.twiml "<Hangup/>"
    s.web["/voice"] = stage.twiml
      '<Survey play="/ask.wav" action="/scored"><Pause length="1"/></Survey>'
    local alice = assert(s:call())
    moonline.sleep(2)
    alice.core:play { digits = "4" }
    local request = s:request "/scored"
    assert.equal("GET", request.method)
    assert.equal("4", request.params.SurveyScore)
    assert.equal("in-progress", request.params.CallStatus)
    s:quiet()
    assert.same({ 11200 }, codes(s)) -- of /ask.wav, which is not there
  end)

  it("has its attributes checked like ours, and may report numbers of its own", function()
    local folder <close> = files { ["survey.lua"] = SURVEY }
    local s <close> = stage.open(folder)
    s.web["/voice"] = stage.twiml '<Survey play="/a.wav" max="12" colour="red"/><Survey/>'
    assert(s:call())
    s:quiet()
    local seen = codes(s)
    table.sort(seen)
    assert.same({ 11200, 12200, 12200, 12200, 13999 }, seen)
  end)

  it("may take the place of one of ours", function()
    local folder <close> = files {
      ["pause.lua"] = 'return { run = function(s) s.call:reject(480) end }',
    }
    local s <close> = stage.open(folder)
    assert.equal(480, fate(s, "<Pause/>"))
  end)

  it("that breaks ends its call alone, by the fallback: 12400", function()
    local folder <close> = files {
      ["boom.lua"] = 'return { run = function() local x = nil; return x.y end }',
    }
    local s <close> = stage.open(folder)
    assert.equal(500, fate(s, "<Boom/>"))
    assert.same({ 12400 }, codes(s))
    assert.truthy(s:warned(12400):find("boom.lua:1", 1, true))
    assert.is_nil(fate(s, "<Pause/>"))
  end)
end)

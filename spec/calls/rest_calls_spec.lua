-- Calls of the REST interface: placed, read, listed, redirected, ended.
local moonline = require "moonline"
local party = require "support.party"
local rest = require "support.rest"
local stage = require "support.stage"

local twiml = stage.twiml

-- Posts a call to kate; her behaviour and more fields of the form.
local function place(s, kate, fields)
  local form = { To = kate.address, From = "desk", Url = s.app.url .. "/answered" }
  for name, value in pairs(fields or {}) do form[name] = value end
  return rest.post(s, "/Calls.json", form)
end

describe("POST Calls", function()
  it("R1 rings the party and gives it the document when it answers", function()
    local s <close> = stage.open()
    s.web["/answered"] = twiml '<Play digits="12"/><Hangup/>'
    local heard = ""
    local kate = s:phone("kate", function(call)
      heard = call.headers["x-twilio-callsid"]
      party.takes { ring = 2 }(call)
    end)
    local status, call = place(s, kate)
    assert.equal(201, status)
    assert.matches("^CA%x+$", call.sid)
    assert.equal("outbound-api", call.direction)
    assert.equal("queued", call.status)
    assert.equal(kate.address, call.to)
    local asked = s:request("/answered").params
    assert.equal(call.sid, asked.CallSid)
    assert.equal(call.sid, heard)
    assert.equal("in-progress", asked.CallStatus)
    assert.equal("outbound-api", asked.Direction)
    assert.equal(kate.address, asked.To)
    s:quiet()
  end)

  it("R1 S16 tells the events that were asked for, by repeated parameters", function()
    local s <close> = stage.open()
    s.web["/answered"] = twiml '<Pause length="3"/>'
    s.web["/cb"] = ""
    local kate = s:phone("kate", party.takes { ring = 1 })
    local status = rest.post(s, "/Calls.json", {
      { "To", kate.address }, { "From", "desk" }, { "Url", s.app.url .. "/answered" },
      { "StatusCallback", s.app.url .. "/cb" }, { "StatusCallbackEvent", "initiated" },
      { "StatusCallbackEvent", "ringing" }, { "StatusCallbackEvent", "answered" },
      { "StatusCallbackEvent", "completed" },
    })
    assert.equal(201, status)
    s:request "/answered"
    s:quiet()
    moonline.sleep(1)
    local told = {}
    for i, request in ipairs(s:requests_to "/cb") do
      told[i] = request.params.CallStatus .. request.params.SequenceNumber
    end
    assert.same({ "initiated0", "ringing1", "in-progress2", "completed3" }, told)
    assert.equal("3", s:requests_to("/cb")[4].params.CallDuration)
  end)

  for code, word in pairs { [486] = "busy", [480] = "no-answer", [404] = "failed" } do
    it(("R1 a party that answers %d ends as %s"):format(code, word), function()
      local s <close> = stage.open()
      s.web["/cb"] = ""
      local kate = s:phone("kate", party.refuses(code))
      place(s, kate, { StatusCallback = s.app.url .. "/cb" })
      local told = s:request("/cb").params
      assert.equal(word, told.CallStatus)
      assert.equal(tostring(code), told.SipResponseCode)
      assert.equal(0, #s:requests_to "/answered")
    end)
  end

  it("R1 stops ringing after Timeout and 5 s", function()
    local s <close> = stage.open()
    s.web["/cb"] = ""
    local kate = s:phone("kate", party.rings())
    local began = moonline.clock()
    place(s, kate, { StatusCallback = s.app.url .. "/cb", Timeout = 10 })
    assert.equal("no-answer", s:request("/cb").params.CallStatus)
    assert.near(15, moonline.clock() - began, 1)
  end)

  it("R1 ends an answered call after TimeLimit", function()
    local s <close> = stage.open()
    s.web["/answered"] = twiml '<Pause length="600"/>'
    s.web["/cb"] = ""
    local kate = s:phone("kate", party.takes())
    place(s, kate, { StatusCallback = s.app.url .. "/cb", TimeLimit = 30 })
    local told = s:request("/cb").params
    assert.equal("completed", told.CallStatus)
    assert.equal("30", told.CallDuration)
  end)

  it("R1 runs Twiml, presses SendDigits first, and sends the headers of To", function()
    local s <close> = stage.open()
    local keys, order = "", nil
    local kate = s:phone("kate", function(call)
      order = call.headers["x-order"]
      party.answer(call)
      while #keys < 4 do keys = keys .. assert(party.hears(call, "digit")).digit end
      party.stay(call)
    end)
    local status = rest.post(s, "/Calls.json", {
      To = kate.address .. "?X-Order=17", From = "desk", SendDigits = "ww12",
      Twiml = twiml '<Play digits="34"/>',
    })
    assert.equal(201, status)
    moonline.sleep(1)
    s:quiet()
    assert.equal("1234", keys)
    assert.equal("17", order)
  end)

  it("R1 says what is wrong with the form, in Twilio's shape", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes())
    local wrong = {
      { 21201, { To = "" } }, { 21213, { From = "" } }, { 21205, { Url = "" } },
      { 21205, { Url = "nonsense" } }, { 21205, { StatusCallback = "http://my_app/" } },
      { 21208, { Timeout = "601" } }, { 21208, { Timeout = "ten" } },
      { 21209, { Method = "PUT" } }, { 21206, { SendDigits = "12x" } },
      { 21212, { From = "two words" } }, { 13243, { To = "sip:kate@exa mple" } },
      { 21626, { StatusCallbackEvent = "started" } },
    }
    for _, case in ipairs(wrong) do
      local status, fault = place(s, kate, case[2])
      assert.equal(400, status)
      assert.equal(case[1], fault.code)
      assert.equal(400, fault.status)
      assert.matches("/errors/" .. case[1], fault.more_info)
    end
    assert.equal(0, s.server.env.calls:count())
  end)

  it("R1 wants credentials, and those of this account", function()
    local s <close> = stage.open()
    local path = "/Calls.json"
    local status, fault = rest.request(s, "GET", path, nil, { password = "guess" })
    assert.equal(401, status)
    assert.equal(20003, fault.code)
    local other = "/2010-04-01/Accounts/AC" .. ("1"):rep(32) .. path
    status, fault = rest.request(s, "GET", other, nil, { whole = true })
    assert.equal(404, status)
    assert.equal(20404, fault.code)
  end)
end)

describe("credentials", function()
  it("API-3 who guesses is locked out for a minute, also with good ones", function()
    local s <close> = stage.open()
    local function try(password)
      local status, fault, response = rest.request(s, "GET", "/Calls.json", nil,
        { password = password })
      return status, fault and fault.code, response.headers["retry-after"]
    end
    for i = 1, 20 do assert.equal(401, (try("guess" .. i))) end
    local status, code, wait = try "guess"
    assert.equal(429, status)
    assert.equal(20429, code)
    assert.near(60, tonumber(wait), 1)
    assert.equal(429, (try "secret"))
    assert.equal(200, (rest.request(s, "GET", "/health", nil, { whole = true })))
    moonline.sleep(61)
    assert.equal(200, (try "secret"))
  end)

  it("API-3 good ones, and none at all, are no guesses", function()
    local s <close> = stage.open()
    local url = "http://" .. s.server.http_address .. "/v1/drain"
    for _ = 1, 30 do assert.equal(401, moonline.http.get(url).status) end
    assert.equal(200, (rest.get(s, "/Calls.json")))
  end)
end)

describe("a live call", function()
  -- Kate is called and at a document; returns the call as JSON and the keys she hears.
  local function talking(s, document)
    local keys = {}
    local kate = s:phone("kate", function(call)
      call:on("dtmf", function(key) keys[#keys + 1] = key end)
      party.takes()(call)
    end)
    s.web["/answered"] = twiml(document)
    local _, call = place(s, kate)
    s:request "/answered"
    moonline.sleep(1)
    return call, keys
  end

  it("R1 is read and listed with its state", function()
    local s <close> = stage.open()
    local call = talking(s, '<Pause length="60"/>')
    local status, now = rest.get(s, "/Calls/" .. call.sid .. ".json")
    assert.equal(200, status)
    assert.equal("in-progress", now.status)
    local _, list = rest.get(s, "/Calls.json", { Status = "in-progress", PageSize = 1 })
    assert.equal(call.sid, list.calls[1].sid)
    assert.equal(1, #list.calls)
    assert.equal(0, list.page)
    assert.is_nil(list.next_page_uri)
    _, list = rest.get(s, "/Calls.json", { Status = "busy" })
    assert.equal(0, #list.calls)
    assert.equal(404, (rest.get(s, "/Calls/CA" .. ("0"):rep(32) .. ".json")))
    rest.post(s, "/Calls/" .. call.sid .. ".json", { Status = "completed" })
    s:quiet()
  end)

  for _, at in ipairs {
    { "in a Pause", '<Pause length="60"/>' },
    { "in a Gather", '<Gather timeout="60"/>' },
    { "while a prompt plays", '<Say loop="0">Please wait.</Say>' },
    { "in an action request", '<Redirect>/slow</Redirect>' },
  } do
    it("S18 is redirected by Url " .. at[1], function()
      local s <close> = stage.open()
      s.web["/slow"] = function(request)
        moonline.sleep(8)
        request:respond(200, twiml "<Hangup/>")
      end
      s.web["/other"] = twiml '<Pause length="5"/>'
      local call = talking(s, at[2])
      local status = rest.post(s, "/Calls/" .. call.sid .. ".json",
        { Url = s.app.url .. "/other", Method = "GET" })
      assert.equal(200, status)
      local request = s:request("/other", 1)
      assert.equal("GET", request.method)
      assert.equal(call.sid, request.params.CallSid)
      s:quiet()
    end)
  end

  it("S18 is redirected by Twiml, and ended by Status", function()
    local s <close> = stage.open()
    local call, keys = talking(s, '<Pause length="60"/>')
    local document = twiml '<Play digits="7"/><Pause length="60"/>'
    rest.post(s, "/Calls/" .. call.sid .. ".json", { Twiml = document })
    moonline.sleep(2)
    assert.same({ "7" }, keys)
    local status = rest.post(s, "/Calls/" .. call.sid .. ".json", { Status = "completed" })
    assert.equal(200, status)
    s:quiet(2)
  end)

  it("R1 is canceled while it rings, and only then", function()
    local s <close> = stage.open()
    s.web["/cb"] = ""
    local kate = s:phone("kate", party.rings())
    local _, call = place(s, kate, { StatusCallback = s.app.url .. "/cb" })
    moonline.sleep(2)
    assert.equal(200, (rest.post(s, "/Calls/" .. call.sid .. ".json", { Status = "canceled" })))
    assert.equal("canceled", s:request("/cb", 2).params.CallStatus)
    local talks = talking(s, '<Pause length="60"/>')
    local status, fault = rest.post(s, "/Calls/" .. talks.sid .. ".json", { Status = "canceled" })
    assert.equal(400, status)
    assert.equal(21220, fault.code)
    rest.post(s, "/Calls/" .. talks.sid .. ".json", { Status = "completed" })
    s:quiet()
  end)

  it("R1 takes one of Url, Twiml and Status", function()
    local s <close> = stage.open()
    local call = talking(s, '<Pause length="60"/>')
    for _, fields in ipairs {
      {}, { Status = "busy" }, { Url = "http://a/", Twiml = "<Response/>" },
      { Status = "completed", Url = "http://a/" }, { Twiml = ("x"):rep(4001) },
    } do
      assert.equal(400, (rest.post(s, "/Calls/" .. call.sid .. ".json", fields)))
    end
    assert.equal(409, (rest.request(s, "DELETE", "/Calls/" .. call.sid .. ".json")))
    rest.post(s, "/Calls/" .. call.sid .. ".json", { Status = "completed" })
    s:quiet()
  end)
end)

describe("a call in a Dial", function()
  local function bridged(dial)
    local s = stage.open()
    local kate = s:phone("kate", party.takes())
    s.web["/voice"] = twiml(('<Dial action="/after" %s><Sip statusCallback="/cb">%s</Sip></Dial>')
      :format(dial or "", kate.address))
    s.web["/after"] = twiml '<Pause length="20"/>'
    s.web["/other"] = twiml '<Pause length="5"/>'
    s.web["/cb"] = ""
    local alice = s:call()
    moonline.sleep(2)
    local event = s:seen("bridged")[1]
    return s, alice, event.call, event.child
  end

  it("S18 is redirected as the parent: the child is hung up, no action is asked for", function()
    local s <close>, alice, parent = bridged()
    rest.post(s, "/Calls/" .. parent .. ".json", { Url = s.app.url .. "/other" })
    assert.equal(parent, s:request("/other", 2).params.CallSid)
    assert.equal("completed", s:request("/cb", 2).params.CallStatus)
    party.ended(alice)
    assert.equal(0, #s:requests_to "/after")
    s:quiet()
  end)

  it("S18 is redirected as the child: the parent goes on with its action", function()
    local s <close>, alice, _, child = bridged()
    rest.post(s, "/Calls/" .. child .. ".json", { Url = s.app.url .. "/other" })
    local after = s:request("/after", 2).params
    assert.equal("completed", after.DialCallStatus)
    assert.equal(child, after.DialCallSid)
    assert.is_nil(after.DialCallDuration)
    local other = s:request("/other", 2).params
    assert.equal(child, other.CallSid)
    assert.equal("outbound-dial", other.Direction)
    assert.equal("in-progress", other.CallStatus)
    local told = s:request("/cb", 10).params
    assert.equal(child, told.CallSid)
    assert.equal("7", told.CallDuration)
    assert.is_nil(alice.ended)
    party.ended(alice)
    s:quiet()
  end)

  it("S18 is ended as the child: the Dial is over", function()
    local s <close>, alice, _, child = bridged()
    rest.post(s, "/Calls/" .. child .. ".json", { Status = "completed" })
    local after = s:request("/after", 2).params
    assert.equal("completed", after.DialCallStatus)
    assert.equal("2", after.DialCallDuration)
    alice:hangup()
    s:quiet()
  end)

  it("S18 is redirected as the child while it rings: it goes there when it answers", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes { ring = 5 })
    s.web["/voice"] = twiml(('<Dial action="/after"><Sip>%s</Sip></Dial>'):format(kate.address))
    s.web["/after"] = twiml "<Hangup/>"
    s.web["/other"] = twiml '<Pause length="3"/>'
    s:begin()
    moonline.sleep(2)
    local child = s.server.env.calls:list()[2]
    rest.post(s, "/Calls/" .. child .. ".json", { Url = s.app.url .. "/other" })
    assert.equal("false", s:request("/after").params.DialBridged)
    assert.equal(child, s:request("/other", 2).params.CallSid)
    s:quiet()
  end)
end)

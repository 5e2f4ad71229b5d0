-- Requests against a client that answers as told: what is sent, retried, followed and given up.

local request = require "moonline.webhook.request"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

-- answers: a list of events, or of functions that get the request and return one.
local function client(answers)
  local sent = {}
  return {
    sent = sent,
    fetch = function(_, asked, box)
      sent[#sent + 1] = asked
      local one = answers[math.min(#sent, #answers)]
      local event = type(one) == "function" and one(asked) or one
      local copy = { kind = "response", headers = {}, body = "", text = event.failure }
      for key, value in pairs(event) do copy[key] = value end
      task.timer(event.after or 0, box, copy)
    end,
  }
end

local function fetch(answers, hook)
  local fake = client(answers)
  local env = {
    client = fake,
    config = {
      auth_token = "t", webhook = { connect_timeout = 5, timeout = 15, max_body = 65536 },
    },
  }
  hook = hook or {}
  hook.url, hook.method = hook.url or "http://app/voice", hook.method or "POST"
  hook.params = hook.params or { { "CallSid", "CA1" }, { "From", "sip:a@b" } }
  local warned = {}
  local response, code, message = request.fetch(env, hook, function(n) warned[#warned + 1] = n end)
  return response, code, fake.sent, message, warned
end

local function header(asked, name)
  for _, line in ipairs(asked.headers) do
    local value = line:sub(1, #name + 2) == name .. ": " and line:sub(#name + 3)
    if value then return value end
  end
  return nil
end

local function moved(status, location)
  return { status = status, headers = { location = location } }
end

local OK = { status = 200, headers = { ["content-type"] = "text/xml; charset=utf-8" }, body = "x" }
local REFUSED = { failure = "connect" }

describe("V5 a webhook", function()
  it("by POST carries its parameters as a form", function()
    local response, _, sent = fetch { OK }
    assert.equal("text/xml", response.type)
    assert.equal("CallSid=CA1&From=sip%3Aa%40b", sent[1].body)
    assert.equal("http://app/voice", sent[1].url)
    assert.truthy(header(sent[1], "User-Agent"):match("^moonline/%d"))
    assert.truthy(header(sent[1], "X-Twilio-Signature"))
  end)

  it("by GET carries them behind the query that is there", function()
    local response, _, sent = fetch({ OK }, { method = "GET", url = "http://app/voice?x=1#ct=500" })
    assert.equal("http://app/voice?x=1&CallSid=CA1&From=sip%3Aa%40b", sent[1].url)
    assert.is_nil(sent[1].body)
    assert.equal("http://app/voice?x=1", response.url)
    assert.equal(0.5, sent[1].connect_timeout)
  end)

  it("is retried once when no connection comes about", function()
    for _, failure in ipairs { "connect", "connect-timeout", "resolve" } do
      local response, _, sent = fetch { { failure = failure }, OK }
      assert.equal(200, response.status)
      assert.equal(2, #sent)
      assert.equal(header(sent[1], "I-Twilio-Idempotency-Token"),
        header(sent[2], "I-Twilio-Idempotency-Token"))
    end
    local _, code, sent = fetch { REFUSED }
    assert.equal(11205, code)
    assert.equal(2, #sent)
  end)

  it("is not retried for anything else, unless its overrides say so", function()
    local _, _, sent = fetch { { failure = "timeout" } }
    assert.equal(1, #sent)
    _, _, sent = fetch { { status = 503 } }
    assert.equal(1, #sent)
    _, _, sent = fetch({ { status = 503 }, OK }, { url = "http://app/#rp=5xx&rc=3" })
    assert.equal(2, #sent)
    _, _, sent = fetch({ { status = 429 } }, { url = "http://app/#rp=5xx&rc=3" })
    assert.equal(1, #sent)
    _, _, sent = fetch({ { status = 429 } }, { url = "http://app/#rp=4xx&rc=3" })
    assert.equal(4, #sent)
    _, _, sent = fetch({ { failure = "timeout" } }, { url = "http://app/#rp=rt&rc=2" })
    assert.equal(3, #sent)
    _, _, sent = fetch({ REFUSED }, { url = "http://app/#rc=0" })
    assert.equal(1, #sent)
    _, _, sent = fetch({ { failure = "denied" } }, { url = "http://app/#rp=all&rc=5" })
    assert.equal(1, #sent)
  end)

  it("has 15 s for all its tries together", function()
    local slow = { failure = "connect-timeout", after = 5 }
    local begun = task.clock()
    local _, _, sent = fetch({ slow }, { url = "http://app/#rc=5" })
    assert.equal(3, #sent)
    assert.is_true(task.clock() - begun < 15.1)
    assert.is_true(math.abs(sent[3].timeout - 5) < 0.1)
  end)

  it("has a new token each time", function()
    local _, _, one = fetch { OK }
    local _, _, two = fetch { OK }
    assert.not_equal(header(one[1], "I-Twilio-Idempotency-Token"),
      header(two[1], "I-Twilio-Idempotency-Token"))
  end)

  it("tells its failures by Twilio's numbers", function()
    for failure, code in pairs {
      ["bad-url"] = 11100, resolve = 11210, connect = 11205, ["connect-timeout"] = 11205,
      timeout = 11205, tls = 11220, certificate = 11237, expired = 11236, ["wrong-name"] = 11235,
      protocol = 11206, ["too-big"] = 11750, denied = 11205,
    } do
      local _, got = fetch { { failure = failure } }
      assert.equal(code, got, failure)
    end
    local _, code = fetch({ OK }, { url = "ftp://app/" })
    assert.equal(11100, code)
  end)

  it("keeps the password of a URL out of its messages", function()
    local _, _, _, message = fetch({ REFUSED }, { url = "http://kate:secret@app/voice" })
    assert.falsy(message:find("secret", 1, true))
    assert.truthy(message:find("app/voice", 1, true))
    assert.equal("http://kate:***@app/x", url.public "http://kate:p:w@app/x")
    assert.equal("http://app/x@y:z@", url.public "http://app/x@y:z@")
  end)
end)

describe("V5 a redirect", function()
  it("301, 302 and 303 go on with GET, 307 with the method it was", function()
    for status, method in pairs { [301] = "GET", [302] = "GET", [303] = "GET", [307] = "POST" } do
      local response, _, sent = fetch { moved(status, "/there"), OK }
      assert.equal("http://app/there", response.url)
      assert.equal(method, sent[2].method)
      assert.equal("CallSid=CA1&From=sip%3Aa%40b",
        sent[2].body or sent[2].url:match("%?(.*)$"))
    end
  end)

  it("that repeats the parameters does not double them", function()
    local _, _, sent = fetch({
      function(asked) return moved(301, (asked.url:gsub("^http:", "https:"))) end, OK,
    }, { method = "GET" })
    assert.equal("https://app/voice?CallSid=CA1&From=sip%3Aa%40b", sent[2].url)
  end)

  it("keeps the token and is signed anew", function()
    local _, _, sent = fetch { moved(307, "http://other/there"), OK }
    assert.equal(header(sent[1], "I-Twilio-Idempotency-Token"),
      header(sent[2], "I-Twilio-Idempotency-Token"))
    assert.not_equal(header(sent[1], "X-Twilio-Signature"),
      header(sent[2], "X-Twilio-Signature"))
  end)

  it("takes no credentials to another host", function()
    local _, _, sent = fetch({ moved(302, "http://other/"), OK },
      { url = "http://kate:secret@app/voice" })
    assert.equal("http://kate:secret@app/voice", sent[1].url)
    assert.truthy(sent[2].url:find("^http://other/%?"))
  end)

  it("is followed ten times", function()
    local hops = {}
    for i = 1, 10 do hops[i] = moved(302, "/" .. i) end
    hops[11] = OK
    local response, _, sent = fetch(hops)
    assert.equal("http://app/10", response.url)
    assert.equal(11, #sent)
    local _, code, all = fetch { moved(302, "/again") }
    assert.equal(11215, code)
    assert.equal(11, #all)
  end)

  it("without a place to go, or of another kind, is 11216", function()
    for _, answer in ipairs { moved(302), moved(302, "file:///etc/passwd"),
      moved(302, "gopher://h"), moved(308, "/there"), moved(300, "/there"),
      moved(305, "/there") } do
      local _, code = fetch { answer }
      assert.equal(11216, code)
    end
  end)

  it("uses up the same 15 s", function()
    local hop = moved(302, "/on")
    hop.after = 4
    local _, code, sent = fetch { hop, hop, hop, { failure = "timeout", after = 3 } }
    assert.equal(11205, code)
    assert.is_true(sent[4].timeout <= 3.1)
  end)
end)

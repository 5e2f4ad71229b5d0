-- The trace of a live server's calls: /v1/calls/SID/trace.
local moonline = require "moonline"
local party = require "support.party"
local peer = require "support.peer"
local rest = require "support.rest"
local stage = require "support.stage"
local task = require "moonline.core.task"

local twiml = stage.twiml

local function trace(s, sid, tail, options)
  options = options or {}
  options.whole = true
  return rest.request(s, "GET", ("/v1/calls/%s/trace%s"):format(sid, tail or ""), nil, options)
end

local function labels(rows)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row.label end
  return table.concat(list, "\n")
end

local function row_of(rows, wanted)
  for _, row in ipairs(rows) do
    if row.label:find(wanted, 1, true) then return row end
  end
  return error("no row " .. wanted .. " in\n" .. labels(rows))
end

-- One call through a Gather and a Dial: its sid.
local function one_call(s)
  local kate = s:phone("kate", party.takes { ring = 1, talk = 3 })
  s.web["/voice"] = twiml '<Gather numDigits="1" action="/chosen"><Say>Press 1.</Say></Gather>'
  s.web["/chosen"] = twiml(('<Dial action="/after" timeuot="3"><Sip>%s</Sip></Dial>'):format(
    kate.address))
  s.web["/after"] = twiml "<Hangup/>"
  local call = s:call()
  call:send_digits "1"
  local sid = s:request("/after").params.CallSid
  s:quiet()
  return sid
end

describe("the trace of a call", function()
  it("has the messages of both legs, webhooks with answers, verbs, keys, media and warnings",
    function()
      local s <close> = stage.open()
      local sid = one_call(s)
      local status, body = trace(s, sid)
      assert.equal(200, status)
      assert.equal(sid, body.sid)
      assert.same({ "alice", "moonline", "kate", "web app" }, body.parties)
      assert.equal(0, body.dropped)
      local invite = body.rows[1]
      assert.equal(0, invite.time)
      assert.equal("alice", invite.from)
      assert.equal("moonline", invite.to)
      assert.matches("^INVITE sip:.*\r\n\r\nv=0\r\n", invite.text)
      local dialled = row_of(body.rows, "INVITE sip:kate@")
      assert.equal("moonline", dialled.from)
      assert.equal("kate", dialled.to)
      assert.is_true(dialled.sent)
      assert.are_not.equal(sid, dialled.call)
      assert.matches("200 OK %(INVITE%)\nACK\n", labels(body.rows))
      local asked = row_of(body.rows, "POST /chosen")
      local params = {}
      for _, pair in ipairs(asked.params) do params[pair[1]] = pair[2] end
      assert.equal("1", params.Digits)
      assert.equal(sid, params.CallSid)
      assert.matches("<Gather", row_of(body.rows, "200 text/xml").body)
      assert.equal(2, row_of(body.rows, "<Dial>").line)
      assert.equal("alice", row_of(body.rows, "DTMF 1").from)
      assert.equal("alice", row_of(body.rows, 'says "Press 1."').at)
      assert.is_true(row_of(body.rows, "RTP: ").sent >= 0)
      assert.matches("chosen:2:%d+: attribute timeuot is not known", labels(body.rows))
      assert.truthy(row_of(body.rows, "alice and kate hear each other"))
    end)

  it("is found by the sid of the called party, too, and is text when that is asked for", function()
    local s <close> = stage.open()
    local sid = one_call(s)
    local _, whole, answer = trace(s, sid, ".json")
    local child = row_of(whole.rows, "INVITE sip:kate@").call
    assert.equal(#whole.rows, #select(2, trace(s, child)).rows)
    for _, tail in ipairs { ".txt", "?format=text" } do
      local response = moonline.http.request {
        url = ("http://%s/v1/calls/%s/trace%s"):format(s.server.http_address, sid, tail),
        user = "AC00000000000000000000000000000001", password = "secret",
      }
      assert.equal(200, response.status)
      assert.matches("^ +alice +moonline +kate +web app\n +0%.000 .*INVITE", response.body)
      assert.equal(#whole.rows + 1, select(2, response.body:gsub("\n", "\n")))
    end
    assert.equal("application/json", answer.headers["content-type"])
    local response = moonline.http.request {
      url = ("http://%s/v1/calls/%s/trace"):format(s.server.http_address, sid),
      headers = { Accept = "text/plain" }, user = "AC00000000000000000000000000000001",
      password = "secret",
    }
    assert.matches("^ +alice", response.body)
  end)

  it("is a capture of libpcap", function()
    local s <close> = stage.open()
    local sid = one_call(s)
    local response = moonline.http.request {
      url = ("http://%s/v1/calls/%s/trace.pcap"):format(s.server.http_address, sid),
      user = "AC00000000000000000000000000000001", password = "secret",
    }
    local magic, major, minor, _, _, _, link, seconds = ("<I4I2I2I4I4I4I4I4"):unpack(response.body)
    assert.same({ 0xa1b2c3d4, 2, 4, 101 }, { magic, major, minor, link })
    assert.is_true(math.abs(seconds - task.time()) < 3600)
    local count, at = 0, 25
    while at <= #response.body do
      local length
      _, _, length = ("<I4I4I4"):unpack(response.body, at)
      at, count = at + 16 + length, count + 1
    end
    local messages = 0
    for _, row in ipairs(select(2, trace(s, sid)).rows) do
      if row.kind == "message" then messages = messages + 1 end
    end
    assert.equal(messages, count)
  end)

  it("masks what proves who one is: digest responses, passwords of documents", function()
    local s <close> = stage.open()
    local challenged = false
    local desk <close> = peer.open(function(self, request)
      if request.method == "BYE" then return self:reply(request, "200 OK") end
      if request.method ~= "INVITE" then return end
      if challenged then return self:reply(request, "486 Busy Here") end
      challenged = true
      self:reply(request, "401 Unauthorized",
        { 'WWW-Authenticate: Digest realm="desk", nonce="n1", qop="auth"' })
    end)
    s.web["/voice"] = twiml(
      ('<Dial action="/after"><Sip username="admin" password="hush">%s</Sip></Dial>')
        :format(desk.uri))
    s.web["/after"] = twiml "<Hangup/>"
    local _ <close> = s:call()
    local sid = s:request("/after").params.CallSid
    s:quiet()
    local _, body, response = trace(s, sid)
    assert.is_nil(response.body:find("hush", 1, true))
    local seen = 0
    for _, row in ipairs(body.rows) do
      local credentials = (row.text or ""):match("\nAuthorization: ([^\r]*)")
      if credentials then
        seen = seen + 1
        assert.matches('^Digest username="admin"', credentials)
        assert.matches("response=%*+", credentials)
        assert.is_nil(credentials:find('response="', 1, true))
      end
    end
    assert.equal(1, seen)
  end)

  it("asks for credentials, and knows what it has", function()
    local s <close> = stage.open()
    local sid = one_call(s)
    assert.equal(401, (trace(s, sid, "", { password = "wrong" })))
    assert.equal(404, (trace(s, "CA" .. ("0"):rep(32))))
    assert.equal(400, (trace(s, sid, "?format=png")))
    assert.equal(404, (trace(s, sid, ".png")))
  end)

  it("is kept for the last calls only: trace.calls, or none", function()
    local s <close> = stage.open { trace = { calls = 2, kb = 8 } }
    local first, second, third = one_call(s), one_call(s), one_call(s)
    assert.equal(404, (trace(s, first)))
    assert.equal(200, (trace(s, second)))
    assert.equal(200, (trace(s, third)))
    assert.is_true(s.server.env.traces:bytes() < 2 * 8192 + 262144)
    local none <close> = stage.open { trace = { calls = 0 } }
    assert.equal(404, (trace(none, one_call(none))))
  end)

  it("S14 outlives the generation of policy that told it", function()
    local s <close> = stage.open()
    local sid = one_call(s)
    assert(s.server:reload())
    assert.equal(200, (trace(s, sid)))
  end)
end)

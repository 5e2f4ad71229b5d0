-- Refer: what goes into the REFER, what the peer's answer and its NOTIFYs come to.
local moonline = require "moonline"
local rawphone = require "support.rawphone"
local stage = require "support.stage"

-- A NOTIFY about the call that the phone was asked to make.
local function notify(raw, fragment, options)
  options = options or {}
  return raw:request("NOTIFY", {
    headers = { "Event: " .. (options.event or "refer"),
      options.state ~= "" and "Subscription-State: " .. (options.state or "active;expires=60")
        or "X-No-State: 1" },
    body = fragment, type = "message/sipfrag;version=2.0",
  }).code
end

local ENDED <const> = "terminated;reason=noresource"

-- A phone that answers the REFER and tells these statuses, the last one as the end of it.
local function transfers(...)
  local steps = { ... }
  return function(raw, request)
    raw.refer = request
    raw:reply(request, "202 Accepted")
    moonline.spawn(function()
      for i, step in ipairs(steps) do
        moonline.sleep(0.5)
        raw.last = notify(raw, "SIP/2.0 " .. step .. "\r\n",
          { state = i == #steps and ENDED or nil })
      end
    end)
  end
end

local function document(target, attributes)
  return stage.twiml(('<Refer action="/after" %s><Sip>%s</Sip></Refer><Redirect>/next</Redirect>')
    :format(attributes or "", target or "sip:kate@example.com"))
end

local function open(fn, page)
  local s = stage.open()
  s.web["/voice"] = page or document()
  s.web["/after"], s.web["/next"] = stage.twiml "<Hangup/>", stage.twiml "<Hangup/>"
  local raw = rawphone.open(s:uri())
  raw.takes.REFER = fn
  s.phones[1] = raw -- closed with the stage
  return s, raw
end

-- What action was told of such a transfer: status, and the two codes as numbers.
local function told(s)
  local params = s:request("/after", 200).params
  return params.ReferCallStatus, tonumber(params.ReferSipResponseCode),
    tonumber(params.NotifySipResponseCode), params
end

local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

describe("V2 Refer", function()
  it("<Refer action method>: asks the caller to call the URI, and tells how that went", function()
    local s <close>, raw = open(transfers("100 Trying", "180 Ringing", "200 OK"),
      document("sip:kate@example.com;transport=tcp;region=ie1?X-Account=a%20b&amp;y=1",
        'method="GET"'))
    assert.equal(200, raw:call().code)
    local status, code, progress, params = told(s)
    assert.same({ "in-progress", 202, 200 }, { status, code, progress })
    assert.equal("in-progress", params.CallStatus)
    assert.equal("GET", s:requests_to("/after")[1].method)
    assert.equal("<sip:kate@example.com;transport=tcp?X-Account=a%20b&X-y=1>",
      raw.refer:get "Refer-To")
    assert.equal("<" .. params.To .. ">", raw.refer:get "Referred-By")
    assert.truthy(raw.refer:get("Contact"):find("sip:127.0.0.1", 1, true))
    assert.truthy(raw.refer:get("Allow"):find("NOTIFY", 1, true))
    s:quiet()
    assert.equal(200, raw.last)
    assert.is_number(raw.over) -- the document after it hung up
    assert.same({}, s:requests_to "/next")
    assert.same({}, codes(s))
  end)

  for name, case in pairs {
    ["of one who is busy"] = { transfers("100 Trying", "486 Busy Here"), "busy", 202, 486 },
    ["nobody answers"] = { transfers("480 Temporarily Unavailable"), "no-answer", 202, 480 },
    ["to nowhere"] = { transfers("404 Not Found"), "failed", 202, 404 },
    ["that is refused"] = { function(raw, request)
      raw:reply(request, "405 Method Not Allowed")
    end, "failed", 405 },
    ["that is declined"] = { function(raw, request) raw:reply(request, "603 Decline") end,
      "failed", 603 },
    ["that ends without a word"] = { function(raw, request)
      raw:reply(request, "202 Accepted")
      moonline.spawn(notify, raw, "", { state = ENDED })
    end, "no-answer", 202 },
    ["that is told before it is accepted"] = { function(raw, request)
      moonline.spawn(function()
        notify(raw, "SIP/2.0 200 OK", { state = ENDED })
        raw:reply(request, "202 Accepted")
      end)
    end, "in-progress", 202, 200 },
    ["told by one who has no Subscription-State"] = { function(raw, request)
      raw:reply(request, "200 OK")
      moonline.spawn(notify, raw, "SIP/2.0 200 OK", { state = "" })
    end, "in-progress", 200, 200 },
  } do
    it("tells of a transfer " .. name, function()
      local s <close>, raw = open(case[1])
      raw:call()
      local status, code, progress = told(s)
      assert.same({ case[2], case[3], case[4] }, { status, code, progress })
      s:quiet()
      assert.same({}, codes(s))
    end)
  end

  it("gives up when nothing more is told for three minutes", function()
    local s <close>, raw = open(transfers())
    raw.takes.REFER = function(_, request)
      raw:reply(request, "202 Accepted")
      moonline.spawn(notify, raw, "SIP/2.0 180 Ringing")
    end
    raw:call()
    local begun = moonline.clock()
    assert.same({ "no-answer", 202, 180 }, { table.unpack({ told(s) }, 1, 3) })
    assert.near(180, moonline.clock() - begun, 1)
    s:quiet()
  end)

  it("ends the call of a phone that does not answer it", function()
    local s <close>, raw = open(function() end)
    raw:call()
    local status, code = told(s)
    assert.same({ "failed", 408 }, { status, code })
    s:quiet()
  end)

  it("tells that the caller went meanwhile; no document comes after it", function()
    local s <close>, raw = open(function(raw, request)
      raw:reply(request, "202 Accepted")
      moonline.spawn(function()
        notify(raw, "SIP/2.0 180 Ringing")
        moonline.sleep(0.2)
        raw:bye()
      end)
    end)
    s.web["/after"] = stage.twiml "<Redirect>/next</Redirect>"
    raw:call()
    local status, code, progress, params = told(s)
    assert.same({ "canceled", 202, 180 }, { status, code, progress })
    assert.equal("completed", params.CallStatus)
    s:quiet()
    assert.same({}, s:requests_to "/next")
  end)

  it("without action goes on with the next verb, and ends the leg when it is the last", function()
    local refer = "<Refer><Sip>sip:kate@example.com</Sip></Refer>"
    local s <close>, raw = open(transfers "200 OK",
      stage.twiml(refer .. "<Redirect>/next</Redirect>"))
    raw:call()
    s:request "/next"
    s:quiet()
    s.web["/voice"] = stage.twiml(refer)
    local other <close> = rawphone.open(s:uri())
    other.takes.REFER = transfers "200 OK"
    other:call()
    s:quiet()
    assert.is_number(other.over)
    assert.same({}, s:requests_to "/after")
  end)

  it("that has nobody to call tells failed and sends nothing: 13243", function()
    for page, expected in pairs {
      ["<Refer action='/after'/>"] = { 13243 },
      ["<Refer action='/after'><Sip>nonsense</Sip></Refer>"] = { 13243 },
      ["<Refer action='/after'><Sip>a@b</Sip><Sip>c@d</Sip></Refer>"] = { 13243 },
      ["<Refer action='/after'><Dial/></Refer>"] = { 12200, 13243 },
    } do
      local s <close>, raw = open(nil, stage.twiml(page))
      raw.takes.REFER = function() error "a REFER" end
      raw:call()
      assert.same({ "failed" }, { table.unpack({ told(s) }, 1, 3) })
      s:quiet()
      local seen = codes(s)
      table.sort(seen)
      assert.same(expected, seen)
    end
  end)

  it("warns of what has no effect, of a bad header, a bad method", function()
    local s <close>, raw = open(transfers "200 OK", stage.twiml(
      '<Refer action="/after" method="PUT"><Sip username="a" url="/x">'
      .. "kate@example.com?X-Twilio-CallSid=1</Sip></Refer>"))
    raw:call()
    told(s)
    assert.equal("<sip:kate@example.com>", raw.refer:get "Refer-To")
    s:quiet()
    local seen = codes(s)
    table.sort(seen)
    assert.same({ 12200, 13252, 13750, 13750 }, seen)
  end)

  it("takes no NOTIFY that is not about it", function()
    local s <close>, raw = open(function(raw, request)
      raw:reply(request, "202 Accepted")
      moonline.spawn(function()
        raw.got = {
          notify(raw, "SIP/2.0 486 Busy", { event = "presence" }),
          notify(raw, "SIP/2.0 486 Busy", { event = "refer;id=4711" }),
          notify(raw, "nonsense"), notify(raw, "SIP/2.0 99 x"), notify(raw, "SIP/2.0 1x9 x"),
          notify(raw, "SIP/2.0 200 OK", { event = "refer;id=" .. request:get("CSeq"):match "%d+",
            state = ENDED }),
          notify(raw, "SIP/2.0 200 OK"),
        }
      end)
    end)
    raw:call()
    assert.same({ "in-progress", 202, 200 }, { table.unpack({ told(s) }, 1, 3) })
    s.web["/after"] = stage.twiml '<Pause length="5"/>'
    s:quiet()
    assert.same({ 489, 481, 200, 200, 200, 200, 481 }, raw.got)
  end)

  it("answers a call that rings before it; S14 not while a call is screened: 13201", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", function(call)
      call:answer()
      call:wait {}
    end)
    s.web["/voice"] = stage.twiml(('<Dial action="/after"><Sip url="/screen">%s</Sip></Dial>')
      :format(kate.address))
    s.web["/screen"] = stage.twiml "<Refer><Sip>a@b</Sip></Refer>"
    s.web["/after"] = stage.twiml "<Hangup/>"
    assert(s:call())
    assert.equal("failed", s:request("/after").params.DialCallStatus)
    s:quiet()
    assert.truthy(s:warned(13201))
  end)
end)

describe("V1 a REFER of the other side", function()
  local function transfer(raw)
    return raw:request("REFER", { headers = { "Refer-To: <sip:kate@example.com?X-A=1>" } }).code
  end

  -- Twice the same is one warning, and the call goes on.
  local function refused(s, raw)
    assert.equal(603, transfer(raw))
    assert.equal(603, transfer(raw))
    moonline.sleep(1)
    assert.same({ 13802 }, codes(s))
    assert.is_nil(raw.over)
    local text = s:seen("warning")[1].text
    assert.truthy(text:find("sip:kate@example.com?X-A=1", 1, true), text)
  end

  it("is refused with 603, and told as 13802, while the call waits", function()
    local s <close>, raw = open(nil, stage.twiml '<Gather timeout="5"/><Redirect>/next</Redirect>')
    raw:call()
    local begun = moonline.clock()
    refused(s, raw)
    s:request("/next", 20)
    assert.near(5, moonline.clock() - begun, 0.1)
    s:quiet()
    local list = assert(s.server.env.store:list("notification"))
    assert.same({ 13802, "0" }, { list[1].code, list[1].level })
  end)

  it("of a caller who talks to somebody", function()
    local s <close>, raw = open()
    local kate = s:phone("kate", function(call)
      call:answer()
      call:wait({}, 20)
    end)
    s.web["/voice"] = stage.twiml(("<Dial><Sip>%s</Sip></Dial>"):format(kate.address))
    raw:call()
    moonline.sleep(1)
    refused(s, raw)
  end)
end)

describe("L1 call:refer", function()
  -- A script that refers its caller: what refer returned.
  local function referred(fn, to, options)
    local s <close> = stage.open()
    local box = moonline.mailbox()
    local robot = s:phone("robot", function(call)
      local got = table.pack(call:refer(to or "sip:kate@example.com", options))
      box:post { kind = "done", got = got }
    end)
    local raw <close> = rawphone.open(robot.address)
    raw.takes.REFER = fn
    raw:call()
    local got = assert(box:wait({ "done" }, 300)).got
    moonline.sleep(0.1)
    return got, raw
  end

  it("is true, or nil, why and the code", function()
    assert.same({ true, n = 1 }, (referred(transfers "200 OK")))
    assert.same({ nil, "busy", 486, n = 3 }, (referred(transfers("180 Ringing", "486 Busy"))))
    assert.same({ nil, "failed", 405, n = 3 }, (referred(function(raw, request)
      raw:reply(request, "405 No")
    end)))
    assert.same({ nil, "canceled", 202, n = 3 }, (referred(function(raw, request)
      raw:reply(request, "202 Accepted")
      moonline.timer(0.1, function() raw:bye() end)
    end)))
  end)

  it("sends headers, and waits as long as it is told", function()
    local got, raw = referred(function(raw, request)
      raw.refer = request
      raw:reply(request, "202 Accepted")
    end, "kate@example.com", { headers = { Account = "a&b" }, timeout = 3 })
    assert.same({ nil, "no-answer", 202, n = 3 }, got)
    assert.equal("<sip:kate@example.com?X-Account=a%26b>", raw.refer:get "Refer-To")
  end)
end)

-- The ways a Dial can go (S1 to S18), each with its ladder.

local function dial(attributes, sip)
  return ('<Dial action="/after" %s><Sip %s>sip:kate@example.com</Sip></Dial>'):format(
    attributes or "", sip or "")
end

local EVENTS = 'statusCallback="/events" '
  .. 'statusCallbackEvent="initiated ringing answered completed"'

-- A scenario of a Dial: what comes of it at /after.
local function story(name, file, given, status, params)
  given.text, given.ladder = given.text or dial(), ("ladders/dial-%s.txt"):format(file)
  local more = given.expect
  function given.expect(seen)
    params = params or {}
    params.DialCallStatus = status
    if status then seen.web:asked("/after", params, { times = 1 }) end
    if more then more(seen) end
  end
  scenario(name)(given)
end

story("S12 answered and hung up by the callee", "completed",
  { phones = { kate = { hangs_up_after = 4 } } }, "completed",
  { DialBridged = "true", DialCallDuration = 4, DialSipResponseCode = 200 })

story("S12 the caller hangs up: one action request, its document is not run", "caller-leaves", {
  phones = { caller = { hangs_up_after = 5 }, kate = {} },
  pages = { ["/after"] = "<Redirect>/never</Redirect>" },
  expect = function(seen)
    seen.kate:got "BYE"
    seen.web:never_asked "/never"
  end,
}, "completed", { CallStatus = "completed" })

story("S13 busy", "busy", { phones = { kate = { busy = true } } }, "busy",
  { DialSipResponseCode = 486, DialBridged = "false", DialCallDuration = 0 })
story("S13 603 counts as busy", "declined", { phones = { kate = { declines = true } } }, "busy",
  { DialSipResponseCode = 603 })
story("S13 480", "unavailable", { phones = { kate = { code = 480 } } }, "no-answer")
story("S13 404", "not-found", { phones = { kate = { code = 404 } } }, "failed",
  { DialSipResponseCode = 404 })
story("S8 S13 nobody answers in time", "timeout",
  { text = dial 'timeout="5"', phones = { kate = { answers = false } },
    expect = function(seen) seen.kate:got("CANCEL", nil, { at = 5 }) end }, "no-answer")

story("S13 302 is followed", "forwarded", {
  phones = { kate = { forwards = "sip:bob@example.com" }, bob = { hangs_up_after = 3 } },
  expect = function(seen)
    seen.kate:sent(302)
    seen.bob:got "INVITE"
  end,
}, "completed")

story("S13 two phones that forward to each other", "forward-loop", {
  phones = { kate = { forwards = "sip:bob@example.com" },
    bob = { forwards = "sip:kate@example.com" } },
}, "failed")

story("S13 the caller leaves while it rings", "canceled", {
  text = dial 'answerOnBridge="true"',
  phones = { caller = { gives_up_after = 3 }, kate = { rings = 9 } },
  expect = function(seen)
    seen.kate:got "CANCEL"
    seen.caller:ended "canceled"
  end,
}, "canceled")

story("S7 wrong credentials are refused twice", "refused-twice", {
  text = dial("", 'username="kate" password="wrong"'),
  phones = { kate = { asks_for = { username = "kate", password = "1234", code = 407 } } },
  expect = function(seen) seen.kate:got("INVITE", nil, { times = 2 }) end,
}, "failed")

story("S9 callerId is the From of the callee", "caller-id", {
  text = dial 'callerId="desk"', phones = { kate = { hangs_up_after = 2 } },
  expect = function(seen)
    local from = seen.kate:got("INVITE").headers.from
    assert(from:find("sip:desk@", 1, true), from)
  end,
}, "completed")

story("S9 a bad callerId is warned of", "bad-caller-id", {
  text = dial 'callerId="a desk"', phones = { kate = { hangs_up_after = 2 } },
  expect = function(seen) seen:warned(13214) end,
}, "completed")

story("S10 two nouns: nothing is dialled", "two-nouns", {
  text = '<Dial action="/after"><Sip>kate@example.com</Sip><Sip>bob@example.com</Sip></Dial>',
  phones = { kate = {}, bob = {} },
  expect = function(seen)
    seen.kate:never_got "INVITE"
    seen.bob:never_got "INVITE"
  end,
}, "failed")

story("S10 several at once: the first who answers", "several", {
  text = '<Dial action="/after"><Sip>kate@example.com</Sip><Sip>bob@example.com</Sip></Dial>',
  config = { dial = { several = true } },
  phones = { kate = { rings = 5 }, bob = { rings = 2, hangs_up_after = 3 } },
  expect = function(seen)
    seen.kate:got "CANCEL"
    seen.bob:got "ACK"
  end,
}, "completed")

story("S11 no action: the next verb runs", "no-action", {
  text = "<Dial><Sip>sip:kate@example.com</Sip></Dial><Say>And now?</Say>",
  phones = { kate = { busy = true } },
  expect = function(seen)
    seen.caller:heard("And now?", { whole = true })
    seen.web:asked("/voice", nil, { times = 1 })
  end,
})

story("S4 a URI that is too long", "long-uri", {
  text = ('<Dial action="/after"><Sip>sip:%s@example.com</Sip></Dial>'):format(("k"):rep(255)),
  expect = function(seen) seen:warned(13243) end,
}, "failed")

story("S5 over TCP", "tcp", {
  text = '<Dial action="/after"><Sip>sip:kate@example.com;transport=tcp</Sip></Dial>',
  phones = { kate = { hangs_up_after = 2 } },
  expect = function(seen)
    seen.kate:got("INVITE", { uri = "sip:kate@example.com;transport=tcp" })
  end,
}, "completed")

story("S6 the region stays out of the Request-URI", "region", {
  text = '<Dial action="/after"><Sip>sip:kate@example.com;region=ie1</Sip></Dial>',
  phones = { kate = { hangs_up_after = 2 } },
  expect = function(seen) seen.kate:got("INVITE", { uri = "sip:kate@example.com" }) end,
}, "completed")

story("S8 timeLimit", "time-limit", {
  text = dial 'timeLimit="6"', phones = { kate = {} },
  expect = function(seen) seen.kate:got("BYE", nil, { at = 7 }) end,
}, "completed", { DialCallDuration = 6 })

story("S8 hangupOnStar", "star", {
  text = dial 'hangupOnStar="true"',
  phones = { kate = { says = "Hello, this is Kate." }, caller = function(call)
    call:wait({}, 4)
    call:send_digits "*"
    call:wait {}
  end },
  expect = function(seen) seen.kate:got "BYE" end,
}, "completed")

story("S8 answerOnBridge: the caller is answered with the callee", "answer-on-bridge", {
  text = dial 'answerOnBridge="true"', phones = { kate = { rings = 4, hangs_up_after = 3 } },
  expect = function(seen)
    seen:within(0.1, seen.kate:sent "200 INVITE", seen.caller:got "200 INVITE")
  end,
}, "completed")

story("S14b the caller hears ringing until she answers", "ringing", {
  phones = { kate = { rings = 8, hangs_up_after = 2 } },
  expect = function(seen) seen.caller:heard { tone = { 440, 480 }, seconds = 3 } end,
}, "completed")

story("S14 screened and refused", "screen-refused", {
  text = dial("", 'url="/screen"'), pages = { ["/screen"] = "<Say>No.</Say><Hangup/>" },
  phones = { kate = {} },
  expect = function(seen) seen.kate:heard("No.", { whole = true }) end,
}, "completed", { DialBridged = "false" })

story("S14 screened and taken by falling off the end", "screen-taken", {
  text = dial("", 'url="/screen"'), pages = { ["/screen"] = "<Say>You have a call.</Say>" },
  phones = { kate = { hangs_up_after = 6 } },
}, "completed", { DialBridged = "true" })

story("S14 the caller leaves during the screening", "screen-left", {
  text = dial("", 'url="/screen"'), pages = { ["/screen"] = '<Pause length="20"/>' },
  phones = { kate = {}, caller = { hangs_up_after = 5 } },
  expect = function(seen) seen.kate:got "BYE" end,
})

story("S16 the events of a busy callee", "events-busy", {
  text = dial("", EVENTS), phones = { kate = { busy = true } },
  expect = function(seen)
    seen.web:asked("/events", { CallStatus = "busy", SequenceNumber = 2 }, { times = 1 })
  end,
}, "busy")

story("S12 the application does not answer the action", "action-fails", {
  phones = { kate = { busy = true } }, pages = { ["/after"] = { status = 500 } },
  expect = function(seen) seen:warned(11200) end,
}, "busy")

story("S18 R1 a live call is sent elsewhere by REST", "redirected", {
  phones = { kate = {} },
  during = function(live)
    live:wait "bridged"
    live:sleep(3)
    assert(live:update { Twiml = "<Response><Say>You were moved.</Say></Response>" } == 200)
  end,
  expect = function(seen)
    seen.kate:got "BYE"
    seen.caller:heard("You were moved.", { whole = true })
  end,
})

story("S18 R1 a live call is ended by REST", "ended-by-rest", {
  phones = { kate = {} },
  during = function(live)
    live:wait "bridged"
    live:sleep(2)
    assert(live:update { Status = "completed" } == 200)
  end,
  expect = function(seen)
    seen.kate:got "BYE"
    seen.caller:got "BYE"
    seen.caller:ended "completed"
  end,
})

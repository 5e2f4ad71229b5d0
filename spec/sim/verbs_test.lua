-- Verbs, conferences, queues and scripts, each with its ladder.

local function story(name, file, given)
  given.ladder = ("ladders/verbs-%s.txt"):format(file)
  scenario(name)(given)
end

local MENU = '<Gather numDigits="1" action="/chosen" timeout="3"><Say>Press 1.</Say></Gather>'

story("V2 <Gather>: a key is pressed", "gather", {
  text = MENU, phones = { caller = { presses = { ["Press 1"] = "1" } } },
  pages = { ["/chosen"] = "<Say>One it is.</Say>" },
  expect = function(seen)
    seen.web:asked("/chosen", { Digits = "1" })
    seen.caller:heard("One it is.", { whole = true })
  end,
})

story("V2 <Gather>: none is", "gather-timeout", {
  text = MENU .. "<Say>Goodbye.</Say>",
  expect = function(seen)
    seen.web:never_asked "/chosen"
    seen.caller:heard("Goodbye.", { whole = true })
    seen.caller:heard { silence = 3 }
  end,
})

story("V2 <Say>, <Pause>, <Hangup>", "say-pause-hangup", {
  text = '<Say>Wait.</Say><Pause length="4"/><Hangup/><Say>Never.</Say>',
  expect = function(seen)
    seen.caller:heard("Wait.", { whole = true })
    seen.caller:never_heard "Never."
    seen.caller:got "BYE"
  end,
})

story("V2 <Reject>", "reject", {
  text = '<Reject reason="busy"/>',
  expect = function(seen)
    seen.caller:got "486 INVITE"
    seen.caller:ended "busy"
  end,
})

story("V2 <Redirect>", "redirect", {
  text = "<Redirect>/other</Redirect>", pages = { ["/other"] = "<Say>Elsewhere.</Say>" },
  expect = function(seen) seen.caller:heard("Elsewhere.", { whole = true }) end,
})

story("V2 <Record>", "record", {
  text = '<Record action="/recorded" timeout="2" maxLength="20" playBeep="true"/>',
  phones = { caller = { says = "Please call me back.", hangs_up_after = 30 } },
  expect = function(seen)
    seen.caller:heard { tone = 1000 }
    seen.web:asked("/recorded", { RecordingUrl = true, RecordingDuration = true })
  end,
})

story("V2 <Play digits>", "play-digits", {
  text = '<Play digits="ww12"/>', phones = { caller = function(call)
    assert(call:wait("digit", 5).digit == "1")
    assert(call:wait("digit", 5).digit == "2")
    call:wait {}
  end },
  expect = function(seen) seen.caller:ended "completed" end,
})

story("V2 <Enqueue> and <Queue>", "queue", {
  text = '<Enqueue waitUrl="" action="/out">support</Enqueue>',
  numbers = { agent = "/agent" },
  phones = { agent = { calls = { after = 6, to = "agent" }, hangs_up_after = 10,
    says = "How can I help you?" } },
  pages = { ["/agent"] = '<Dial action="/done"><Queue>support</Queue></Dial>' },
  expect = function(seen)
    seen.caller:heard("How can I help you?", { whole = true })
    seen.web:asked("/out", { QueueResult = "bridged" })
    seen.web:asked("/done", { DialCallStatus = true })
  end,
})

story("V2 <Enqueue>: the caller leaves the queue", "queue-left", {
  text = '<Enqueue waitUrl="" action="/out">support</Enqueue>',
  phones = { caller = { hangs_up_after = 4 } },
  expect = function(seen) seen.web:asked("/out", { QueueResult = "hangup" }, { times = 1 }) end,
})

story("V2 <Conference>: two meet, one leaves", "conference", {
  text = '<Dial action="/after"><Conference beep="false" waitUrl="">room</Conference></Dial>',
  phones = {
    caller = { hangs_up_after = 12 },
    bob = { calls = { after = 3, to = "room" }, says = "Hello, this is Bob.", hangs_up_after = 6 },
  },
  expect = function(seen)
    seen.caller:heard("Hello, this is Bob.", { whole = true })
    seen.web:asked("/after", nil, { times = 2 })
  end,
})

story("V5 the fallback URL takes over", "fallback", {
  text = "<Redirect>/broken</Redirect>",
  config = { voice = { fallback_url = "https://example.com/fallback" } },
  pages = { ["/broken"] = { status = 500 }, ["/fallback"] = "<Say>We are sorry.</Say>" },
  expect = function(seen)
    seen.web:asked("/fallback", { ErrorCode = 11200 })
    seen.caller:heard("We are sorry.", { whole = true })
  end,
})

story("a slow application", "slow", {
  text = "<Redirect>/slow</Redirect>",
  pages = { ["/slow"] = { body = "<Say>At last.</Say>", delay = 3 } },
  expect = function(seen) seen.caller:heard("At last.", { whole = true }) end,
})

story("V3 a document that is none", "broken", {
  text = "<Response><Say>Hello</Response>",
  expect = function(seen) seen:warned(12100) end,
})

story("L1 a script dials and bridges", "script", {
  script = "ring.lua", phones = { kate = { busy = true }, bob = { hangs_up_after = 3 } },
  expect = function(seen)
    seen.kate:sent(486)
    seen.bob:got "ACK"
    seen.caller:heard("Goodbye.", { whole = true })
  end,
})

-- What simulated phones can do, each with its ladder.

local DIAL = '<Dial action="/after"><Sip>sip:kate@example.com</Sip></Dial>'

local function story(name, file, given)
  given.text = given.text or given.caller ~= false and DIAL or nil
  given.ladder = ("ladders/phones-%s.txt"):format(file)
  scenario(name)(given)
end

story("a phone vanishes while it rings", "vanish-ringing", {
  text = DIAL:gsub("action", 'timeout="6" action'),
  phones = { kate = { rings = 20, vanishes_after = 2 } },
  expect = function(seen)
    seen.kate:got("CANCEL")
    seen.kate:never_sent "200 CANCEL"
    seen:dialled "no-answer"
  end,
})

story("a phone vanishes while it talks", "vanish-talking", {
  phones = { kate = { vanishes_after = 3 }, caller = { hangs_up_after = 10 } },
  expect = function(seen)
    seen.kate:never_sent "200 BYE"
    seen.web:asked("/after", { DialCallStatus = "completed" }, { at = 11 })
  end,
})

story("the caller vanishes", "vanish-caller", {
  text = '<Say>Hello.</Say><Pause length="2"/>', phones = { caller = { vanishes_after = 1 } },
  expect = function(seen) seen.caller:never_sent "200 BYE" end,
})

story("a phone describes what is none", "bad-sdp", {
  phones = { kate = { sdp = "v=0\r\nthis is no description\r\n" } },
  expect = function(seen) seen:dialled "failed" end,
})

story("a phone changes its codec", "codec", {
  phones = { kate = { says = "One, two, three, four, five, six, seven.", hangs_up_after = 8,
    changes_codec = { after = 2, to = "PCMA" } } },
  expect = function(seen)
    seen.kate:sent("INVITE", { body = "RTP/AVP 8 101" })
    seen.kate:got("200 INVITE", { body = "PCMA/8000" })
    seen.caller:heard("One, two, three", { whole = true })
  end,
})

story("a phone holds and takes back", "hold", {
  phones = { kate = { holds = { after = 2, seconds = 3 }, hangs_up_after = 8 } },
  expect = function(seen)
    seen:in_order(seen.kate:sent("INVITE", { body = "a=sendonly" }),
      seen.kate:sent("INVITE", { body = "a=sendrecv" }, { at = 6 }))
  end,
})

story("a phone wants to refer the call, and may not", "refer", {
  phones = { kate = { refers = { after = 2, to = "sip:bob@example.com" }, hangs_up_after = 5 } },
  expect = function(seen) seen.kate:got("603 REFER") end,
})

story("a phone registers: <Client> reaches it", "client", {
  text = "<Dial><Client>kate</Client></Dial>",
  phones = { kate = { registers = "open sesame", hangs_up_after = 5 } },
  expect = function(seen)
    seen.kate:sent("REGISTER", { Authorization = true })
    seen:dialled "completed"
  end,
})

story("nobody is registered", "client-absent", {
  text = "<Dial action='/after'><Client>kate</Client></Dial>",
  expect = function(seen)
    seen.web:asked("/after", { DialCallStatus = true })
    seen:warned(32009)
  end,
})

story("a number leads to a phone", "number", {
  text = '<Dial callerId="+15550111">+1 (555) 010-0100</Dial>',
  phones = { ["+15550100100"] = { hangs_up_after = 4 } },
  expect = function(seen)
    seen:party("+15550100100"):got "INVITE"
    seen:dialled "completed"
  end,
})

story("the caller gives up in the moment of the answer", "cancel-late", {
  text = DIAL:gsub("action", 'answerOnBridge="true" action'),
  phones = { caller = { gives_up_after = 3.02 }, kate = { rings = 3 } },
  expect = function(seen)
    seen.caller:got "481 CANCEL"
    seen.caller:ended "completed"
    seen.web:asked("/after", nil, { times = 1 })
  end,
})

story("a phone of a function does what it wants", "function", {
  phones = { kate = function(call)
    call:ring()
    call:wait({}, 2)
    call:answer()
    call:say "I am a robot."
    call:hangup()
  end },
  expect = function(seen) seen.caller:heard("I am a robot.", { whole = true }) end,
})

story("R1 a call is placed by REST", "rest-call", {
  caller = false, phones = { kate = { rings = 2 } },
  during = function(live)
    local status = live:rest("POST", "/Calls.json", { To = "sip:kate@example.com", From = "me",
      Twiml = "<Response><Say>Hello, Kate.</Say></Response>" })
    assert(status == 201)
  end,
  expect = function(seen) seen.kate:heard("Hello, Kate.", { whole = true }) end,
})

-- The five examples of the seed, as they stand in the document (S19).

local examples = "../calls/documents/"

scenario "S1 S19 example 1: kate is dialled" {
  document = examples .. "example-1-endpoint.xml", ladder = "ladders/example-1-endpoint.txt",
  phones = { kate = { rings = 2, hangs_up_after = 5 } },
  expect = function(seen)
    seen.kate:got("INVITE", { uri = "sip:kate@example.com", ["X-Twilio-ApiVersion"] = "2010-04-01",
      ["X-Twilio-AccountSid"] = true, ["X-Twilio-CallSid"] = true })
    seen:dialled("completed", 200)
    seen.caller:ended "completed"
  end,
}

scenario "S7 S19 example 2: kate asks for credentials" {
  document = examples .. "example-2-authentication.xml",
  ladder = "ladders/example-2-authentication.txt",
  phones = { kate = { asks_for = { username = "admin", password = "1234" }, hangs_up_after = 5 } },
  expect = function(seen)
    seen.kate:got("INVITE", { Authorization = false }, { times = 1 })
    seen.kate:sent(401)
    seen.kate:got("INVITE", { Authorization = true, ["Content-Type"] = "application/sdp" },
      { times = 1 })
    seen:dialled "completed"
  end,
}

scenario "S3 S19 example 3: headers of the URI" {
  document = examples .. "example-3-headers.xml", ladder = "ladders/example-3-headers.txt",
  phones = { kate = { hangs_up_after = 5 } },
  expect = function(seen)
    seen.kate:got("INVITE", { uri = "sip:kate@example.com", ["X-mycustomheader"] = "foo",
      ["X-myotherheader"] = "bar" })
  end,
}

scenario "S8 S14 S19 example 4: kate is asked, recorded, and left with *" {
  document = examples .. "example-4-attributes.xml", ladder = "ladders/example-4-attributes.txt",
  phones = {
    caller = function(call)
      call:wait({}, 12)
      call:send_digits "*"
      call:wait {}
    end,
    kate = { headers = { ["X-Desk"] = "4" }, presses = { ["Press 1"] = "1" } },
  },
  pages = {
    ["/handle_screening_on_answer"] = [[<Gather numDigits="1" action="/take">
      <Say>Press 1 to take the call.</Say></Gather><Hangup/>]],
    ["/handle_post_dial"] = "<Say>Goodbye.</Say>",
  },
  expect = function(seen)
    seen.kate:got("INVITE", { ["X-customheader"] = "foo", From = true })
    seen.web:asked("/handle_screening_on_answer", { ["SipHeader_X-Desk"] = "4" }, { times = 1 })
    seen.kate:heard "Press 1 to take the call."
    seen.web:asked("/take", { Digits = "1" })
    seen.kate:got "BYE"
    seen.web:asked("/handle_post_dial", { DialCallStatus = "completed", DialBridged = "true",
      RecordingUrl = true }, { times = 1 })
    seen.caller:heard("Goodbye.", { whole = true })
  end,
}

scenario "S15 S16 S19 example 5: kate's progress is told" {
  document = examples .. "example-5-progress-events.xml",
  ladder = "ladders/example-5-progress-events.txt",
  phones = { kate = { rings = 3, hangs_up_after = 7 } },
  expect = function(seen)
    local function told(status, number, when)
      return seen.web:asked("/calls/events", { CallStatus = status, SequenceNumber = number }, when)
    end
    seen:in_order(told("initiated", 0), told("ringing", 1), told("in-progress", 2),
      told("completed", 3, { times = 1 }))
    seen.web:asked("/calls/events", { CallDuration = 7 })
  end,
}

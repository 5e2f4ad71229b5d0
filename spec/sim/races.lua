-- Calls whose every order of events is tried: each way that a Dial can go.

local ALL = 'statusCallback="/status" statusCallbackEvent="initiated ringing answered completed"'
local HANGUP = "<Response><Hangup/></Response>"

local function sip(attributes, name)
  return ("<Sip %s %s>sip:%s@example.com</Sip>"):format(ALL, attributes or "", name or "kate")
end

local function dial(attributes, ...)
  return ('<Dial action="/after" %s>%s</Dial>'):format(attributes, table.concat { ... })
end

scenario "plain" {
  text = dial("", sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 1, hangs_up_after = 5 } },
}

scenario "the caller hangs up" {
  text = dial("", sip()), phones = { caller = { hangs_up_after = 4 }, kate = { rings = 1 } },
}

scenario "no action" {
  text = "<Dial>" .. sip() .. "</Dial><Pause length='1'/>",
}

scenario "answerOnBridge" {
  text = dial('answerOnBridge="true"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 2, hangs_up_after = 3 } },
}

scenario "answerOnBridge, given up by the caller" {
  text = dial('answerOnBridge="true"', sip()),
  phones = { caller = { gives_up_after = 2 }, kate = { rings = 2, hangs_up_after = 3 } },
}

scenario "busy" {
  text = dial("", sip()), pages = { ["/after"] = HANGUP }, phones = { kate = { busy = true } },
}

scenario "busy, answerOnBridge" {
  text = dial('answerOnBridge="true"', sip()), phones = { kate = { busy = true } },
}

scenario "timeout" {
  text = dial('timeout="5"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { answers = false } },
}

scenario "answered as the timeout ends" {
  text = dial('timeout="5"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 5, hangs_up_after = 3 } },
}

scenario "timeLimit" {
  text = dial('timeLimit="3"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 1 } },
}

scenario "screening" {
  text = dial("", sip 'url="/screen"'),
  pages = { ["/after"] = HANGUP,
    ["/screen"] = "<Response><Say>A call for you.</Say><Pause length='1'/></Response>" },
  phones = { kate = { rings = 1, hangs_up_after = 5 } },
}

scenario "screened and refused" {
  text = dial("", sip 'url="/screen"'),
  pages = { ["/after"] = "<Response><Pause length='1'/></Response>",
    ["/screen"] = "<Response><Gather numDigits='1' timeout='2'/><Hangup/></Response>" },
  phones = { kate = { rings = 1 } },
}

scenario "screening, answerOnBridge" {
  text = dial('answerOnBridge="true"', sip 'url="/screen"'),
  pages = { ["/after"] = HANGUP, ["/screen"] = "<Response><Pause length='1'/></Response>" },
  phones = { kate = { rings = 1, hangs_up_after = 3 } },
}

scenario "action goes on" {
  text = dial("", sip()),
  pages = { ["/after"] = "<Response><Pause length='2'/><Dial>" .. sip("", "bob") ..
    "</Dial></Response>" },
  phones = { kate = { busy = true }, bob = { rings = 1, hangs_up_after = 2 } },
}

scenario "hangupOnStar" {
  text = dial('hangupOnStar="true"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 1, hangs_up_after = 5 } },
}

scenario "recorded" {
  text = dial('record="record-from-answer-dual" recordingStatusCallback="/recorded"', sip()),
  pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 1, hangs_up_after = 3 } },
}

scenario "recorded from ringing" {
  text = dial('record="record-from-ringing"', sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 2, hangs_up_after = 3 } },
}

scenario "several at once" {
  text = dial("", sip(), sip("", "bob")), pages = { ["/after"] = HANGUP },
  config = { dial = { several = true } },
  phones = { kate = { rings = 2, hangs_up_after = 3 }, bob = { rings = 2, hangs_up_after = 3 } },
}

scenario "one after another" {
  text = dial('sequential="true" timeout="3"', sip(), sip("", "bob")),
  pages = { ["/after"] = HANGUP }, config = { dial = { several = true } },
  phones = { kate = { answers = false }, bob = { rings = 1, hangs_up_after = 3 } },
}

scenario "a challenge" {
  text = dial("", sip 'username="admin" password="1234"'), pages = { ["/after"] = HANGUP },
  phones = { kate = function(call)
    if not call.headers.authorization then
      local challenge = 'Digest realm="example.com", nonce="1234567890", algorithm=MD5'
      return call.core:reject(401, "Unauthorized", { { "WWW-Authenticate", challenge } })
    end
    call:answer()
    call:wait({}, 3)
    call:hangup()
  end },
}

scenario "a refused password" {
  text = dial("", sip 'username="admin" password="1234"'), pages = { ["/after"] = HANGUP },
  phones = { kate = function(call)
    local challenge = 'Digest realm="example.com", nonce="1234567890", algorithm=MD5'
    call.core:reject(401, "Unauthorized", { { "WWW-Authenticate", challenge } })
  end },
}

scenario "forwarded" {
  text = dial("", sip()), pages = { ["/after"] = HANGUP },
  phones = { kate = { rings = 1, forwards = "sip:bob@example.com" },
    bob = { rings = 1, hangs_up_after = 3 } },
}

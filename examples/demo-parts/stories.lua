-- The five calls: what kate's phone does, what alice does, and what must have been seen afterwards.
-- A scene is one call as it plays (see scene.lua).
local sound = require "sound"

local ALICE, KATE = 523, 784 -- Hz: the tone by which each is known in the other's ear

-- ---- the phones -------------------------------------------------------------------------------

-- Kate: the phone rings, she takes it, sounds her tone, and stays until somebody hangs up.
local function kate_answers(call, scene)
  scene.invite = call
  call:ring()
  scene.kate_heard = call:record { background = true }
  call:play { tone = tostring(KATE), seconds = 0.8 }
  call:wait {}
end

-- Alice: listens, sounds her tone when she is connected, and hangs up.
local function alice_talks(call, scene)
  scene.alice_heard = call:record { background = true }
  scene:wait_for "bridged"
  call:play { tone = tostring(ALICE), seconds = 0.8 }
end

-- Kate of example 4: listens to the question first, takes the call with 1, says a word.
local function kate_is_asked(call, scene)
  scene.invite = call
  call:ring()
  scene.kate_heard = call:record { background = true }
  scene:wait_for("verb", "Gather")
  scene:press("kate", call, "1", 2)
  scene:wait_for "bridged"
  call:play { tone = tostring(KATE), seconds = 0.4 }
  call:say "Hello Bob. This is Kate. I can hear you well."
  call:wait {}
end

-- Alice of example 4: says a word, too, and leaves kate with *. The web application has the last word.
local function alice_leaves(call, scene)
  scene.alice_heard = call:record { background = true }
  scene:wait_for "bridged"
  call:play { tone = tostring(ALICE), seconds = 0.4 }
  call:say "Hello Kate. This call is recorded."
  scene:press("alice", call, "*", 2.4)
  call:wait {}
end

-- ---- what must have been seen -----------------------------------------------------------------

local function has_tone(recording, frequency)
  local samples = recording and sound.read(recording.path)
  return samples and sound.tone(samples, frequency) > 0.2
end

-- What is true of all five.
local function common(check, scene)
  local invite = scene.invite and scene.invite.headers or {}
  check("kate's phone got INVITE sip:kate@example.com",
    scene.invite and scene.invite.to == "sip:kate@example.com")
  check("the INVITE names the API version, the account and the call (X-Twilio-...)",
    invite["x-twilio-apiversion"] == "2010-04-01" and invite["x-twilio-callsid"]
    and invite["x-twilio-accountsid"] == scene.account.sid)
  check("kate heard alice's tone", has_tone(scene.kate_heard, ALICE))
  check("alice heard kate's tone", has_tone(scene.alice_heard, KATE))
  local signed = #scene.requests > 0
  for _, request in ipairs(scene.requests) do
    signed = signed and request:is_signed(scene.account.token)
  end
  check(("every request to the web application was signed (%d)"):format(#scene.requests), signed)
  local ended = scene:event "call-ended"
  check("the call ended as completed", ended and ended.status == "completed")
end

local function credentials(check, scene)
  local given = scene.invite and scene.invite.headers.authorization or ""
  check("kate's phone asked who calls (401)", scene:message "^SIP/2.0 401 ")
  check('moonline answered as "admin" (Authorization: Digest)',
    given:match '^Digest .*username="admin"')
end

local function custom_headers(check, scene)
  local headers = scene.invite and scene.invite.headers or {}
  check("X-mycustomheader: foo", headers["x-mycustomheader"] == "foo")
  check("X-myotherheader: bar", headers["x-myotherheader"] == "bar")
end

local function everything(check, scene)
  local invite, headers = scene.invite or {}, scene.invite and scene.invite.headers or {}
  check('callerId: the call comes from "bob"', (invite.from or ""):match "^sip:bob@")
  check("X-customheader: foo", headers["x-customheader"] == "foo")
  local screening = scene:request "/handle_screening_on_answer"
  check("url: the screening document ran on kate's side, and she pressed 1",
    screening and screening.params.SipCallId == headers["call-id"] and screening.params.CallSid == headers["x-twilio-callsid"]
    and scene:request("/screened").params.Digits == "1")
  local after = scene:request "/handle_post_dial"
  local told = after and after.params or {}
  check("hangupOnStar: alice left with *, and was still there", after and told.CallStatus == "in-progress")
  check("action: the web application was told how it went",
    told.DialCallStatus == "completed" and told.DialBridged == "true"
    and told.DialSipResponseCode == "200" and told.DialCallSid == headers["x-twilio-callsid"]
    and told.DialSipCallId == headers["call-id"])
  check("its answer was spoken to alice: Thank you. Goodbye.", scene:event("verb", "Say", told.CallSid))
  local refused, response = scene:fetch_recording(told.RecordingUrl)
  local talk = sound.read(scene.recording)
  check("record: RecordingUrl wants the account's credentials (401 without)", refused == 401)
  check("record: with them it is a WAV file, 8 kHz, one channel",
    response == 200 and talk and talk.rate == 8000 and talk.channels == 1)
  check("record: both voices are in it", talk and sound.tone(talk, ALICE) > 0.1
    and sound.tone(talk, KATE) > 0.1 and sound.audible(talk) > 2)
end

local function progress(check, scene)
  local events = scene:wait_for_requests("/calls/events", 4)
  local statuses, private, of_kate = {}, #events > 0, #events > 0
  for i, request in ipairs(events) do
    local told = request.params
    statuses[i] = told.CallStatus
    private = private and request.url == "https://myapp.com/calls/events"
    of_kate = of_kate and told.SequenceNumber == tostring(i - 1)
      and told.CallbackSource == "call-progress-events"
      and told.CallSid == scene.invite.headers["x-twilio-callsid"]
  end
  local order = table.concat(statuses, ", ")
  check("statusCallback was told: " .. order,
    order == "initiated, ringing, in-progress, completed")
  check("all of them about kate's call, numbered from 0", of_kate)
  check("over https, with the certificate of myapp.com", private)
end

return {
  {
    title = "Example 1: Dialing to a SIP endpoint", document = "1-endpoint.xml",
    kate = kate_answers, alice = alice_talks, checks = { common },
  }, {
    title = "Example 2: Dial a SIP endpoint, protected by authentication",
    document = "2-authentication.xml", phone = { users = { admin = "1234" }, allow = {} },
    kate = kate_answers, alice = alice_talks, checks = { credentials, common },
  }, {
    title = "Example 3: Passing headers", document = "3-headers.xml",
    kate = kate_answers, alice = alice_talks, checks = { custom_headers, common },
  }, {
    title = "Example 4: Dial with several attributes", document = "4-attributes.xml",
    kate = kate_is_asked, alice = alice_leaves, checks = { everything, common },
  }, {
    title = "Example 5: Call Progress Events", document = "5-progress-events.xml",
    kate = kate_answers, alice = alice_talks, checks = { progress, common },
  },
}

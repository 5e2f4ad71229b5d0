-- The five calls: what kate's phone does, what alice does, and what must have been seen afterwards.
-- A scene is one call as it plays (see scene.lua).
local moonline = require "moonline"
local sound = require "sound"

local ALICE, KATE = 523, 784 -- Hz: the tone by which each is known in the other's ear

-- ---- the phones -------------------------------------------------------------------------------

-- Kate: her phone rings, she takes the call, sounds her tone, and stays until somebody hangs up.
local function kate_answers(call, scene)
  scene.invite = { to = call.to, from = call.from, headers = call.headers }
  call:ring()
  moonline.sleep(0.2)
  call:answer()
  scene.kate_heard = call:record { background = true }
  scene:sound("kate", call, KATE, 0.6)
  call:wait {}
end

-- Alice: listens, sounds her tone when kate is there, and hangs up.
local function alice_talks(call, scene)
  scene.alice_heard = call:record { background = true }
  scene:wait_for "bridged"
  scene:sound("alice", call, ALICE, 0.6)
end

-- Kate of example 4: hears the question, takes the call with 1, and says a word.
local function kate_is_asked(call, scene)
  scene.invite = { to = call.to, from = call.from, headers = call.headers }
  call:ring()
  moonline.sleep(0.2)
  call:answer()
  scene.kate_heard = call:record { background = true }
  scene:wait_for("verb", "Gather")
  scene:press("kate", call, "1", 1.8)
  scene:wait_for "bridged"
  scene:sound("kate", call, KATE, 0.3)
  scene:say("kate", call, "Hello Bob. This is Kate.")
  call:wait {}
end

-- Alice of example 4: hears kate out, says a word, too, and leaves her with *. The web application
-- has the last word.
local function alice_leaves(call, scene)
  scene.alice_heard = call:record { background = true }
  scene:wait_for("spoken", "kate")
  scene:sound("alice", call, ALICE, 0.3)
  scene:say("alice", call, "Hello Kate. This call is recorded.")
  scene:press("alice", call, "*", 0.2)
  call:wait {}
end

-- ---- what must have been seen -----------------------------------------------------------------

local function has_tone(recording, frequency)
  local samples = recording and sound.read(recording.path)
  return samples and sound.tone(samples, frequency) > 0.2
end

-- What is true of all five.
local function common(check, scene)
  local headers, ended = scene.invite.headers, scene:event "call-ended"
  check("kate's phone got INVITE sip:kate@example.com", scene.invite.to == "sip:kate@example.com")
  check("which names the API version, the account and the call (X-Twilio-...)",
    headers["x-twilio-apiversion"] == "2010-04-01" and headers["x-twilio-callsid"]
    and headers["x-twilio-accountsid"] == scene.account.sid)
  check("kate heard alice's tone", has_tone(scene.kate_heard, ALICE))
  check("alice heard kate's tone", has_tone(scene.alice_heard, KATE))
  local all_signed = #scene.requests > 0
  for _, request in ipairs(scene.requests) do
    all_signed = all_signed and request:is_signed(scene.account.token)
  end
  check(("every request to the web application was signed (%d)"):format(#scene.requests),
    all_signed)
  check("the call ended as completed", ended and ended.status == "completed")
end

local function credentials(check, scene)
  local given = scene.invite.headers.authorization or ""
  check("kate's phone wanted to know who calls (401)", scene:message "^SIP/2.0 401 ")
  check('and was told: "admin", with the right digest', given:match '^Digest username="admin"')
end

local function custom_headers(check, scene)
  local headers = scene.invite.headers
  check("X-mycustomheader: foo", headers["x-mycustomheader"] == "foo")
  check("X-myotherheader: bar", headers["x-myotherheader"] == "bar")
end

local function attributes(check, scene)
  local headers = scene.invite.headers
  check('callerId: the call comes from "bob"', scene.invite.from:match "^sip:bob@")
  check("the URI's header: X-customheader: foo", headers["x-customheader"] == "foo")

  local asked = scene:requests_to("/handle_screening_on_answer")[1]
  local pressed = scene:requests_to("/screened")[1]
  check("url: the screening document was fetched for kate's side of the call", asked
    and asked.params.CallSid == headers["x-twilio-callsid"]
    and asked.params.SipCallId == headers["call-id"])
  check("and ran there before the two were connected: she pressed 1",
    pressed and pressed.params.Digits == "1")

  local action = scene:requests_to("/handle_post_dial")[1]
  local told = action and action.params or {}
  check("hangupOnStar: * ended kate's side only", told.CallStatus == "in-progress")
  check("action: the web application was told how it went",
    told.DialCallStatus == "completed" and told.DialBridged == "true"
    and told.DialCallSid == headers["x-twilio-callsid"]
    and told.DialSipCallId == headers["call-id"] and told.DialSipResponseCode == "200")
  check("and its answer was run: thank you, goodbye", scene:event("verb", "Say", told.CallSid))
  scene.recording_url = told.RecordingUrl
end

local function recorded(check, scene)
  local refused = scene:fetch()
  local status = scene:fetch(scene.account)
  local talk, why = sound.read(scene.recording)
  check("record: RecordingUrl wants the account's credentials", refused == 401)
  check("with them it is a WAV file: 16 bit, 8 kHz, one channel",
    status == 200 and talk and talk.rate == 8000 and talk.channels == 1, why)
  check("the voices of both are in it", talk and sound.tone(talk, ALICE) > 0.15
    and sound.tone(talk, KATE) > 0.15 and sound.audible(talk) > 2)
end

local function progress(check, scene)
  local events, sid = nil, scene.invite.headers["x-twilio-callsid"]
  scene:wait_until(function()
    events = scene:requests_to "/calls/events"
    return #events == 4
  end)
  local statuses, by_https, about_kate = {}, true, true
  for i, request in ipairs(events) do
    local told = request.params
    statuses[i] = told.CallStatus
    by_https = by_https and request.url == "https://myapp.com/calls/events"
    about_kate = about_kate and told.CallSid == sid and told.SequenceNumber == tostring(i - 1)
      and told.CallbackSource == "call-progress-events"
  end
  local order = table.concat(statuses, ", ")
  check("statusCallback was told: " .. order,
    order == "initiated, ringing, in-progress, completed")
  check("each about kate's side of the call, numbered from 0", about_kate)
  check("over https, with the certificate of myapp.com", by_https)
end

return {
  {
    title = "Dialing to a SIP endpoint", document = "1-endpoint.xml",
    kate = kate_answers, alice = alice_talks, checks = { common },
  }, {
    title = "Dial a SIP endpoint, protected by authentication",
    document = "2-authentication.xml", phone = { users = { admin = "1234" }, allow = {} },
    kate = kate_answers, alice = alice_talks, checks = { common, credentials },
  }, {
    title = "Passing headers", document = "3-headers.xml",
    kate = kate_answers, alice = alice_talks, checks = { common, custom_headers },
  }, {
    title = "Dial with several attributes", document = "4-attributes.xml",
    kate = kate_is_asked, alice = alice_leaves, checks = { common, attributes, recorded },
  }, {
    title = "Call Progress Events", document = "5-progress-events.xml",
    kate = kate_answers, alice = alice_talks, checks = { common, progress },
  },
}

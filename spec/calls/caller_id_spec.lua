-- S9: as whom a Dial calls.
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

-- The From of a dial: the whole header without its tag.
local function from(dial, call, sip)
  local s <close> = stage.open { sip = sip }
  local kate <close> = peer.open(busy)
  assert.equal("busy", story.dial(s, kate.uri, { dial = dial, call = call }).DialCallStatus)
  s:quiet()
  local invite = kate:of("INVITE")[1]
  return (invite:get("From"):gsub(";tag=[%w]+$", "")), s:warned(13214), invite
end

describe("the caller of a dialled leg", function()
  it("S9 <Dial callerId>: letters, digits and + - _ . become the user of From", function()
    for _, id in ipairs { "bob", "+15550100", "a-b_c.d+e", "007", ("x"):rep(200) } do
      local got, warning = from(('callerId="%s"'):format(id))
      assert.equal(("<sip:%s@127.0.0.1>"):format(id), got)
      assert.is_nil(warning)
    end
  end)

  it("S9 is not callerId with anything else in it: 13214, and the caller's own From", function()
    local wrong = { "bob dylan", " bob", "bob\tb", "b@c", "sip:bob", "bob;x=y", "b&#228;r", "",
      "&lt;bob&gt;", "b&quot;c", "b%41", "bob&#10;X-Evil: 1" }
    for _, id in ipairs(wrong) do
      local got, warning, invite = from(('callerId="%s"'):format(id),
        { from = "alice", display = "Alice" })
      assert.equal('"Alice" <sip:alice@127.0.0.1>', got)
      assert.is_string(warning)
      assert.is_nil(invite:get "X-Evil")
    end
  end)

  it("S9 is who called, when there is no callerId: user part and display name", function()
    assert.equal('"Alice Example" <sip:alice@127.0.0.1>',
      (from(nil, { from = "alice", display = "Alice Example" })))
    assert.equal("<sip:alice@127.0.0.1>", (from(nil, { from = "alice" })))
  end)

  it("S9 keeps quotes, backslashes and escapes of the caller's name in order", function()
    assert.equal([["A \"B\" \\ C" <sip:alice@127.0.0.1>]],
      (from(nil, { from = "alice", display = [[A "B" \ C]] })))
    assert.equal("<sip:a%23b@127.0.0.1>", (from(nil, { from = "a#b" })))
  end)

  it("S9 has the egress's own host, whatever the caller's was", function()
    local got, _, invite = from(nil, { from = "alice" }, { advertise = "sip.example.net" })
    assert.equal("<sip:alice@sip.example.net>", got)
    assert.equal("sip:sip.example.net", invite:uri_of("Contact"):match("^sip:[^:]+"))
  end)

  it("S9 with callerId shows no display name of the caller", function()
    assert.equal("<sip:bob@127.0.0.1>", (from('callerId="bob"', { from = "alice", display = "A" })))
  end)

  it("S9 passes on nothing else of the caller's INVITE", function()
    local _, _, invite = from(nil, { from = "alice", headers = {
      { "X-Secret", "1" }, { "P-Asserted-Identity", "<sip:alice@pbx>" }, { "Subject", "x" },
    } })
    assert.is_nil(invite:get "X-Secret")
    assert.is_nil(invite:get "P-Asserted-Identity")
    assert.is_nil(invite:get "Subject")
  end)

  it("S9 without a user part in the caller's From calls as anonymous", function()
    local s <close> = stage.open()
    local kate <close> = peer.open(busy)
    s.web["/voice"] = story.document(kate.uri)
    s.web["/after"] = stage.twiml "<Hangup/>"
    local caller <close> = peer.open(function() end)
    local where = s:uri():match("@(.*)$")
    local address, port = where:match("^(.*):(%d+)$")
    local sdp = peer.sdp()
    caller.socket:send(address, tonumber(port), table.concat({
      "INVITE sip:line@" .. where .. " SIP/2.0",
      "Via: SIP/2.0/UDP " .. caller.where .. ";branch=z9hG4bKone;rport",
      "Max-Forwards: 70", "From: <sip:192.0.2.9>;tag=1", "To: <sip:line@" .. where .. ">",
      "Call-ID: one@test", "CSeq: 1 INVITE", "Contact: <sip:" .. caller.where .. ">",
      "Content-Type: application/sdp", "Content-Length: " .. #sdp, "", sdp,
    }, "\r\n"))
    assert.equal("busy", s:request("/after").params.DialCallStatus)
    assert.equal("<sip:anonymous@127.0.0.1>",
      (kate:of("INVITE")[1]:get("From"):gsub(";tag=%w+$", "")))
    s:quiet(100)
  end)
end)

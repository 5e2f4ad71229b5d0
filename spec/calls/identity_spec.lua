-- Who calls: From, what a trunk vouches for, who wants to stay unknown, and who passed the call on.
local moonline = require "moonline"
local peer = require "support.peer"
local phones = require "support.phones"
local stage = require "support.stage"
local story = require "support.story"

local PAI = "P-Asserted-Identity"

-- A stage with a trunk that calls from an address of its own, and a stranger who is let in.
local function open(trunk)
  local carrier = story.own_address(41)
  trunk = trunk or {}
  trunk.proxy = trunk.proxy or "sip:" .. carrier
  local s = stage.open { trunks = { carrier = trunk } }
  s.web["/voice"] = '<Response><Reject reason="busy"/></Response>'
  moonline.sleep(0.1)
  s.carrier = s:phone("c", nil, { listen = { "udp:" .. carrier .. ":0" } })
  s.stranger = s:phone("d")
  return s
end

-- What the web application is told of a call with these headers.
local function told(s, phone, headers, from)
  local options = { from = from or "+15550123", headers = headers }
  local _, _, code = phone:call(s:uri(), options)
  assert.equal(486, code)
  return s:request("/voice").params
end

describe("the caller of a trunk", function()
  it("S9 is who the trunk says: P-Asserted-Identity becomes From and Caller", function()
    local s <close> = open()
    for value, from in pairs {
      ["<sip:+15550199@carrier.example>"] = "sip:+15550199@carrier.example",
      ['"Kate" <sip:+15550199@carrier.example:5080;user=phone>'] =
        "sip:+15550199@carrier.example:5080",
      ["sip:+15550199@carrier.example"] = "sip:+15550199@carrier.example",
      ["<tel:+1-555-0199>"] = "sip:+15550199@" .. story.own_address(41),
      ["<tel:+15550199>, <sip:kate@carrier.example>"] = "sip:+15550199@" .. story.own_address(41),
    } do
      local params = told(s, s.carrier, { { PAI, value } })
      assert.equal(from, params.From, value)
      assert.equal(from, params.Caller)
    end
    s:quiet()
  end)

  it("SIP-25 is From when what it says is of no use", function()
    local s <close> = open()
    for _, value in ipairs { "", "<sip:>", "nonsense", "<mailto:a@b>", "<tel:abc>",
      "<sip:a b@c>" } do
      assert.equal("sip:+15550123@" .. story.own_address(41),
        told(s, s.carrier, { { PAI, value } }).From)
    end
    s:quiet()
  end)

  it("SIP-25 is From for anybody else: only trunks are believed", function()
    local s <close> = open()
    assert.equal("sip:+15550123@127.0.0.1",
      told(s, s.stranger, { { PAI, "<sip:boss@example.com>" } }).From)
    s:quiet()
  end)

  it("S9 who asks for privacy is anonymous, whoever vouches for him", function()
    local s <close> = open()
    for _, phone in ipairs { s.carrier, s.stranger } do
      for _, privacy in ipairs { "id", "user;critical", "header;id" } do
        local params = told(s, phone, { { PAI, "<sip:+15550199@c>" }, { "Privacy", privacy } })
        assert.equal("anonymous", params.From)
        assert.equal("anonymous", params.Caller)
      end
    end
    local none = told(s, s.carrier, { { PAI, "<sip:+15550199@c>" }, { "Privacy", "none" } })
    assert.equal("sip:+15550199@c", none.From)
    s:quiet()
  end)

  it("S9 anonymous@anonymous.invalid is anonymous too (RFC 3323)", function()
    local s <close> = open()
    local caller <close> = peer.open(function() end)
    local host, port = s:uri():match "@([%d.]+):(%d+)"
    local sdp = peer.sdp()
    caller.socket:send(host, tonumber(port), table.concat({
      ("INVITE sip:line@%s:%s SIP/2.0"):format(host, port),
      "Via: SIP/2.0/UDP " .. caller.where .. ";branch=z9hG4bKanon;rport", "Max-Forwards: 70",
      'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1', "To: <sip:line@" .. host .. ">",
      "Call-ID: anon", "CSeq: 1 INVITE", "Contact: <sip:" .. caller.where .. ">",
      "Content-Type: application/sdp", "Content-Length: " .. #sdp, "", sdp }, "\r\n"))
    assert.equal("anonymous", s:request("/voice").params.From)
    s:quiet(100)
  end)

  it("S9 Diversion says who passed the call on: ForwardedFrom", function()
    local s <close> = open()
    local params = told(s, s.carrier,
      { { "Diversion", '"Desk" <sip:+15550177@carrier.example>;reason=no-answer;counter=1' } })
    assert.equal("sip:+15550177@carrier.example", params.ForwardedFrom)
    assert.is_nil(told(s, s.carrier).ForwardedFrom)
    s:quiet()
  end)
end)

describe("as whom a trunk is called", function()
  -- The INVITE a carrier gets: what it says of the caller.
  local function invite(trunk, dial, call)
    local carrier <close> = peer.open(function(self, request)
      if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
    end)
    trunk.proxy = "sip:" .. carrier.where
    local s <close> = stage.open { trunks = { carrier = trunk } }
    phones.dial(s, "<Number>+15550100</Number>", { dial = dial, call = call })
    s:quiet()
    local got = carrier:of("INVITE")[1]
    local where = carrier.where:gsub("%p", "%%%0")
    local function at(text) return text and (text:gsub(where, "CARRIER")) end
    return { from = got:get("From"):gsub(";tag=.*$", ""), pai = at(got:get(PAI)),
      privacy = got:get "Privacy" }
  end

  it("S9 the caller, who is vouched for", function()
    local got = invite({}, nil, { from = "+15550123", display = "Alice" })
    assert.equal("<sip:+15550123@127.0.0.1>", got.from)
    assert.equal("<sip:+15550123@CARRIER>", got.pai)
    assert.is_nil(got.privacy)
  end)

  it("S9 its own number when it has one, and callerId before that", function()
    local own = invite({ from = "+15550199" }, nil, { from = "alice" })
    assert.equal("<sip:+15550199@127.0.0.1>", own.from)
    assert.equal("<sip:+15550199@CARRIER>", own.pai)
    local other = invite({ from = "+15550199" }, 'callerId="+15550111"', { from = "alice" })
    assert.equal("<sip:+15550111@127.0.0.1>", other.from)
    assert.equal("<sip:+15550111@CARRIER>", other.pai)
  end)

  it("S9 nobody for a caller who wants that; the carrier alone learns whose call it is", function()
    local hidden = { from = "+15550123", display = "Alice", headers = { { "Privacy", "id" } } }
    local got = invite({ from = "+15550199" }, nil, hidden)
    assert.equal('"Anonymous" <sip:anonymous@anonymous.invalid>', got.from)
    assert.equal("<sip:+15550199@CARRIER>", got.pai)
    assert.equal("id", got.privacy)
    got = invite({}, nil, hidden)
    assert.equal('"Anonymous" <sip:anonymous@anonymous.invalid>', got.from)
    assert.is_nil(got.pai)
    got = invite({}, 'callerId="+15550111"', hidden)
    assert.equal("<sip:+15550111@127.0.0.1>", got.from)
    assert.is_nil(got.privacy)
  end)

  it("S9 no trunk: nothing is vouched for, and who hides stays hidden", function()
    local s <close> = stage.open()
    local kate = story.phone(s, "kate", story.refuses(486))
    story.dial(s, kate.address, { call = { from = "+15550123", display = "Alice",
      headers = { { "Privacy", "id" } } } })
    local got = kate.invites[1]
    assert.matches("^<sip:anonymous@", got:get "From")
    assert.is_nil(got:get(PAI))
    s:quiet()
  end)
end)

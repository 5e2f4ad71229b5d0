-- S2, S3: the headers of the INVITE, ours and those that the URI asks for.
local peer = require "support.peer"
local stage = require "support.stage"
local story = require "support.story"

-- A callee on a bare socket that is busy, and so keeps the INVITE byte for byte.
local function busy(headers)
  return peer.open(function(self, request)
    if request.method == "INVITE" then self:reply(request, "486 Busy Here", headers) end
  end)
end

-- The INVITE of a dial with these URI headers.
local function invite(s, callee, headers)
  story.dial(s, callee.uri .. "?" .. headers)
  s:quiet()
  local list = callee:of "INVITE"
  return list[#list]
end

-- Names of an INVITE that no URI header asked for.
local function names(message)
  local list = {}
  for _, header in ipairs(message.headers) do list[#list + 1] = header[1] end
  table.sort(list)
  return table.concat(list, " ")
end

describe("the headers of the INVITE", function()
  it("S2 say version, account and the child's sid", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local params = story.dial(s, callee.uri)
    local got = callee:of("INVITE")[1]
    assert.equal("2010-04-01", got:get "X-Twilio-ApiVersion")
    assert.equal("AC00000000000000000000000000000001", got:get "X-Twilio-AccountSid")
    assert.equal(params.DialCallSid, got:get "X-Twilio-CallSid")
    assert.matches("^CA%x+$", params.DialCallSid)
    assert.equal(34, #params.DialCallSid)
    assert.not_equal(params.CallSid, params.DialCallSid)
    s:quiet()
  end)

  it("S3 are made of name=value pairs, X- put in front", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "mycustomheader=foo&myotherheader=bar")
    assert.equal("foo", got:get "X-mycustomheader")
    assert.equal("bar", got:get "X-myotherheader")
    assert.is_nil(got:get "mycustomheader")
    assert.is_nil(got.uri:find("?", 1, true))
    assert.is_nil(s:warned(13252))
  end)

  it("S3 are sent as written where the name begins with X-, in any case", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "X-One=1&x-two=2")
    assert.matches("\r\nX%-One: 1\r\n", got.text)
    assert.matches("\r\nx%-two: 2\r\n", got.text)
  end)

  it("S3 are sent as written for the four names that need no X-", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "User-to-User=a%3Bencoding%3Dhex&Remote-Party-ID=%3Csip:r@h%3E"
      .. "&P-Preferred-Identity=%3Csip:p@h%3E&P-Called-Party-ID=%3Csip:c@h%3E")
    assert.equal("a;encoding=hex", got:get "User-to-User")
    assert.equal("<sip:r@h>", got:get "Remote-Party-ID")
    assert.equal("<sip:p@h>", got:get "P-Preferred-Identity")
    assert.equal("<sip:c@h>", got:get "P-Called-Party-ID")
    assert.is_nil(names(got):find("X-User", 1, true))
  end)

  it("S3 keep the other legal letters of a token in their names", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "a.b!%25*_%60'~=v")
    assert.equal("v", got:get "X-a.b!%*_`'~")
    assert.is_nil(s:warned(13252))
  end)

  it("S3 are percent-decoded once; + stays +", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "a=1+2%2B3&b=%2541%20x&c=%C3%A4&d=a%3D%26b&e=&f")
    assert.equal("1+2+3", got:get "X-a")
    assert.equal("%41 x", got:get "X-b")
    assert.equal("\xC3\xA4", got:get "X-c")
    assert.equal("a=&b", got:get "X-d")
    assert.equal("", got:get "X-e")
    assert.equal("", got:get "X-f")
  end)

  it("S3 with CR, LF or NUL are refused one by one, and the call goes on", function()
    for _, bad in ipairs { "%0d%0aEvil:%201", "%0D", "%0A", "%00", "x%00y" } do
      local s <close> = stage.open()
      local callee <close> = busy()
      local got = invite(s, callee, "good=1&bad=a" .. bad .. "&fine=2")
      assert.equal("1", got:get "X-good")
      assert.equal("2", got:get "X-fine")
      assert.is_nil(got:get "X-bad")
      assert.is_nil(got:get "Evil")
      assert.is_nil(got.text:find("\0", 1, true))
      assert.matches("bad", s:warned(13252))
    end
  end)

  it("S3 with an illegal name are refused", function()
    local illegal = { "", "a%20b", "a%0d%0aEvil", "a%3Ab", "%28a%29", "a%00", "%C3%A4", "a%2" }
    for _, bad in ipairs(illegal) do
      local s <close> = stage.open()
      local callee <close> = busy()
      local plain = names(invite(s, callee, "good=1"))
      local got = invite(s, callee, "good=1&" .. bad .. "=x")
      assert.equal(plain, names(got))
      assert.is_string(s:warned(13252))
    end
  end)

  it("S3 cannot set or replace a header of the protocol", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local got = invite(s, callee, "From=sip:evil@h&Via=x&CSeq=9&Contact=sip:evil@h&Call-ID=evil"
      .. "&Route=sip:evil@h&Content-Length=0&To=x&f=short&Max-Forwards=0&Content-Type=text/x"
      .. "&Authorization=evil")
    for _, name in ipairs { "From", "Via", "CSeq", "Contact", "Call-ID", "To", "Max-Forwards",
      "Content-Length", "Content-Type" } do
      assert.equal(1, #got:values(name), name)
      assert.is_nil(got:get(name):find("evil", 1, true))
    end
    assert.is_nil(got:get "Route")
    assert.is_nil(got:get "Authorization")
    assert.is_nil(got:get "f")
    assert.equal("70", got:get "Max-Forwards")
    assert.equal("sip:evil@h", got:get "X-From")
    assert.equal(tostring(#got.body), got:get "Content-Length")
  end)

  it("S3 named X-Twilio- are refused, in any case, also when the X- is ours", function()
    local s <close> = stage.open()
    local callee <close> = busy()
    local params = story.dial(s, callee.uri
      .. "?X-Twilio-CallSid=CA1&x-tWILIO-accountsid=AC1&Twilio-Foo=1&X%2DTwilio-Bar=1")
    local got = callee:of("INVITE")[1]
    assert.same({ params.DialCallSid }, got:values "X-Twilio-CallSid")
    assert.equal(1, #got:values "X-Twilio-AccountSid")
    assert.is_nil(got:get "X-Twilio-Foo")
    assert.is_nil(got:get "X-Twilio-Bar")
    assert.equal(4, #s:seen "warning")
    assert.is_string(s:warned(13252))
    s:quiet()
  end)

  it("S3 of one name in a response are joined by a comma and a blank in the webhook", function()
    local s <close> = stage.open()
    local callee <close> = busy { "X-Reason: in a meeting", "X-Other: 1", "x-reason: until noon",
      "X-Reason: sorry", "Subject: no" }
    local params = story.dial(s, callee.uri)
    assert.equal("busy", params.DialCallStatus)
    assert.equal("in a meeting, until noon, sorry", params["DialSipHeader_X-Reason"])
    assert.equal("1", params["DialSipHeader_X-Other"])
    assert.is_nil(params["DialSipHeader_x-reason"])
    assert.is_nil(params.DialSipHeader_Subject)
    s:quiet()
  end)

  it("S3 go to where a redirect leads, and its own headers do not", function()
    local s <close> = stage.open()
    local kate <close> = busy()
    local front <close> = peer.open(function(self, request)
      if request.method == "INVITE" then
        self:reply(request, "302 Moved", { "Contact: <" .. kate.uri .. "?From=evil>" })
      end
    end)
    story.dial(s, front.uri .. "?mine=1")
    assert.equal("1", front:of("INVITE")[1]:get "X-mine")
    assert.equal("1", kate:of("INVITE")[1]:get "X-mine")
    assert.is_string(kate:of("INVITE")[1]:get "X-Twilio-CallSid")
    s:quiet()
  end)
end)

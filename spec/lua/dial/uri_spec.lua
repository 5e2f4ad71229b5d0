local uri = require "moonline.dial.uri"

local function headers(text)
  local plan = assert(uri.parse("sip:kate@example.com?" .. text))
  local list = {}
  for i, header in ipairs(plan.headers) do list[i] = header[1] .. ": " .. header[2] end
  return table.concat(list, "|"), plan.warnings
end

local function refused(text, code)
  local plan, got, message = uri.parse(text)
  assert.is_nil(plan, text)
  assert.equal(code or 13243, got, text)
  assert.is_string(message)
  return message
end

describe("S1: the URI of a Sip noun", function()
  it("is trimmed of white space and line breaks", function()
    assert.equal("sip:jack@example.com", uri.parse("\n   sip:jack@example.com\r\n\t").uri)
  end)

  it("works without sip:", function()
    local plan = uri.parse("kate@example.com")
    assert.equal("sip:kate@example.com", plan.uri)
    assert.equal("kate", plan.user)
    assert.equal("example.com", plan.host)
  end)

  it("keeps user, password, port and parameters as written", function()
    local text = "sip:kate%40home:pw@Example.com:5070;user=phone;lr"
    local plan = uri.parse(text)
    assert.equal(text, plan.uri)
    assert.equal(5070, plan.port)
  end)

  it("has any case of scheme, hosts by name, IPv4 and IPv6", function()
    assert.equal("sip:a@h", uri.parse("SIP:a@h").uri)
    assert.equal("[2001:db8::1]", uri.parse("sip:a@[2001:db8::1]:5060").host)
    assert.equal("[::ffff:10.0.0.1]", uri.parse("sip:a@[::ffff:10.0.0.1]").host)
    assert.equal("10.0.0.1", uri.parse("sip:10.0.0.1").host)
    assert.equal("example.com.", uri.parse("sip:a@example.com.").host)
    assert.equal("kate:pw", uri.parse("kate:pw@example.com").user)
  end)

  it("13243: what is no SIP URI", function()
    for _, text in ipairs {
      "", "   ", "kate", "tel:+15550100", "http://example.com/", "http://kate@example.com",
      "sip:", "sip:@example.com", "sip:kate@", "sip:ka te@example.com", "sip:kate@exam ple.com",
      "sip:kate@example..com", "sip:kate@-example.com", "sip:kate@ex_ample.com",
      "sip:kate@example.com:0", "sip:kate@example.com:65536", "sip:kate@example.com:x",
      "sip:kate@example.com:", "sip:kate@1.2.3.256", "sip:kate@1.2.3", "sip:kate@[::1",
      "sip:kate@[1::2::3]", "sip:kate@[1:2]", "sip:kate@[zz::1]", "sip:ka<te@example.com",
      "sip:kate%4@example.com", "sip:kate@example.com;a b=c", "sip:kate@example.com;=x",
      "sip:kate@example.com;x=", "sip:kate@example.com;;", "sip:a@b@c", "sip:k\0te@example.com",
      "sip:käte@example.com", "sip:kate@example.com\r\nVia: x", "sip:kate@example.com;method=BYE",
      "sip:kate@example.com;secure=true",
    } do refused(text) end
  end)

  it("survives anything", function()
    local seed = 7
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % n
    end
    for _ = 1, 3000 do
      local text = "sip:kate@example.com;region=ie1;transport=tcp?a=b&X-c=%41"
      for _ = 1, 1 + random(6) do
        local at = random(#text + 1)
        text = text:sub(1, at) .. string.char(random(256)) .. text:sub(at + 1 + random(3))
      end
      local plan, code = uri.parse(text)
      assert.is_true(plan ~= nil or code == 13243 or code == 13253)
      if plan then assert.is_nil(plan.uri:find("[%c%s\128-\255?]")) end
    end
  end)
end)

describe("S3: URI headers", function()
  it("get X- in front", function()
    assert.equal("X-mycustomheader: foo|X-myotherheader: bar",
      (headers "mycustomheader=foo&myotherheader=bar"))
  end)

  it("are sent as written when they begin with X- in any case", function()
    assert.equal("X-Foo: 1|x-bar: 2", (headers "X-Foo=1&x-bar=2"))
  end)

  it("are sent as written when allowed by name", function()
    assert.equal("User-to-User: a|Remote-Party-ID: b|P-Preferred-Identity: c|"
      .. "P-Called-Party-ID: d|user-TO-user: e",
      (headers("User-to-User=a&Remote-Party-ID=b&P-Preferred-Identity=c&P-Called-Party-ID=d"
        .. "&user-TO-user=e")))
  end)

  it("never set a protocol header", function()
    for _, name in ipairs { "Via", "To", "From", "Contact", "Call-ID", "CSeq", "Route", "body",
      "Content-Length", "v", "Authorization", "P-Asserted-Identity" } do
      assert.equal("X-" .. name .. ": x", (headers(name .. "=x")))
    end
  end)

  it("have values decoded once, + stays +", function()
    assert.equal("X-a: b;c,d=e+f%41", (headers "a=b%3Bc%2Cd%3De+f%2541"))
  end)

  it("may repeat, may be empty", function()
    assert.equal("X-a: 1|X-a: 2|X-b: |X-c: ", (headers "a=1&a=2&b=&c&&"))
  end)

  it("13252: CR, LF, NUL, control characters, broken escapes and illegal names", function()
    for _, text in ipairs { "a=b%0Dc", "a=b%0Ac", "a=%0D%0AVia:%20x", "a=%00", "a=%01", "a=%7F",
      "a=%4", "a=%zz", "a%0A=b", "a%20b=c", "a%3Ab=c", "=x", "%00=x", "a(=b", "a=%FF%FE",
      "ä=b" } do
      local sent, warnings = headers(text .. "&good=1")
      assert.equal("X-good: 1", sent, text)
      assert.equal(1, #warnings, text)
      assert.equal(13252, warnings[1].code)
      assert.is_nil(warnings[1].message:find("[%c]"))
    end
  end)

  it("13252: reserved names", function()
    for _, name in ipairs { "X-Twilio-CallSid", "x-twilio-foo", "Twilio-CallSid", "X%2DTwilio-" } do
      local sent, warnings = headers(name .. "=x")
      assert.equal("", sent, name)
      assert.equal(13252, warnings[1].code)
    end
  end)

  it("are not in the Request-URI", function()
    assert.equal("sip:kate@example.com", uri.parse("sip:kate@example.com?a=b").uri)
  end)
end)

describe("S4: lengths", function()
  local function long(n)
    local tail = "@example.com"
    return "sip:" .. ("a"):rep(n - 4 - #tail) .. tail
  end

  it("13243: the URI is under 255 characters", function()
    assert.equal(254, #uri.parse(long(254)).uri)
    refused(long(255))
    assert.truthy(uri.parse(long(254) .. "?" .. ("a"):rep(900)))
  end)

  it("13253: the headers are under 1024 characters", function()
    assert.truthy(uri.parse("sip:a@b?x=" .. ("y"):rep(1021)))
    refused("sip:a@b?x=" .. ("y"):rep(1022), 13253)
  end)
end)

describe("S5: transports", function()
  it("is udp by default and stays in the Request-URI as written", function()
    assert.equal("udp", uri.parse("sip:a@b").transport)
    for _, name in ipairs { "udp", "tcp", "tls", "TCP" } do
      local plan = uri.parse("sip:a@b;transport=" .. name)
      assert.equal(name:lower(), plan.transport)
      assert.equal("sip:a@b;transport=" .. name, plan.uri)
    end
    assert.equal("tls", uri.parse("sip:a@b;Transport=tls").transport)
  end)

  it("sips: is tls", function()
    local plan = uri.parse("sips:a@b")
    assert.equal("tls", plan.transport)
    assert.is_true(plan.secure)
    assert.equal("sips:a@b", plan.uri)
    assert.equal("tls", uri.parse("sips:a@b;transport=tcp").transport)
    refused "sips:a@b;transport=udp"
  end)

  it("13243: an unknown transport", function()
    for _, name in ipairs { "sctp", "ws", "ud", "", "udp;transport=tcp" } do
      refused("sip:a@b;transport=" .. name)
    end
    refused "sip:a@b;transport"
  end)
end)

describe("S6: regions", function()
  it("is us1 by default and never leaves", function()
    assert.equal("us1", uri.parse("sip:a@b").region)
    local plan = uri.parse("sip:alice@example.com;region=ie1;transport=tcp")
    assert.equal("ie1", plan.region)
    assert.equal("sip:alice@example.com;transport=tcp", plan.uri)
  end)

  it("knows all eight", function()
    for _, name in ipairs { "us1", "us2", "ie1", "de1", "sg1", "jp1", "br1", "au1" } do
      assert.equal(name, uri.parse("sip:a@b;region=" .. name).region)
    end
    assert.equal("ie1", uri.parse("sip:a@b;REGION=IE1").region)
  end)

  it("13243: an unknown one, unless it is configured", function()
    refused "sip:a@b;region=ie9"
    refused "sip:a@b;region="
    refused "sip:a@b;region"
    assert.equal("lab", uri.parse("sip:a@b;region=lab", { regions = { lab = {} } }).region)
  end)
end)

local document = require "moonline.twiml.document"

local function sip(text, attributes, options)
  local doc, problems = document.parse(
    ("<Response><Dial><Sip %s>%s</Sip></Dial></Response>"):format(attributes or "", text), options)
  return doc.verbs[1].children[1], problems
end

describe("the noun Sip", function()
  it("S1, S7, S14, S15: gives the plan of a dial", function()
    local node = sip("kate@example.com;region=ie1?a=b", [[username="admin" password="1234"
      url="/screen" method="get" statusCallback="https://myapp.com/e"
      statusCallbackEvent="initiated answered"]])
    assert.same({
      uri = "sip:kate@example.com", user = "kate", host = "example.com", secure = false,
      transport = "udp", region = "ie1", headers = { { "X-a", "b" } }, warnings = {},
      username = "admin", password = "1234", url = "/screen", method = "GET",
      status_callback = "https://myapp.com/e", status_callback_event = { "initiated", "answered" },
      status_callback_method = "POST",
    }, node.verb.target({}, node))
  end)

  it("S15: no event list means completed only; a bad host is refused", function()
    local node, problems = sip("a@b", 'statusCallback="http://my_app.com/x"')
    assert.equal(1, #problems)
    assert.equal(11100, problems[1].code)
    local target = node.verb.target({}, node)
    assert.is_nil(target.status_callback)
    assert.same({ "completed" }, target.status_callback_event)
  end)

  it("S4, S5, S6: what cannot be called is told once, and again when it is dialled", function()
    for text, code in pairs {
      ["sip:a@b;region=ie9"] = 13243, ["sip:a@b;transport=x"] = 13243, ["x"] = 13243,
      ["sip:" .. ("a"):rep(300) .. "@b"] = 13243, ["sip:a@b?x=" .. ("y"):rep(1100)] = 13253,
    } do
      local node, problems = sip(text)
      assert.equal(1, #problems)
      assert.equal(code, problems[1].code)
      local target, got, message = node.verb.target({}, node)
      assert.is_nil(target)
      assert.equal(code, got)
      assert.is_string(message)
    end
  end)

  it("S6: configured regions are known", function()
    local regions = { lab = { bind = "127.0.0.3" } }
    local node, problems = sip("a@b;region=lab", "", { regions = regions })
    assert.same({}, problems)
    assert.equal("lab", node.verb.target({ config = { sip = { regions = regions } } }, node).region)
  end)

  it("S3: refused headers are warnings", function()
    local _, problems = sip("a@b?X-Twilio-A=b&amp;c=%0d")
    assert.equal(2, #problems)
    assert.equal(13252, problems[1].code)
    assert.equal(13252, problems[2].code)
  end)
end)

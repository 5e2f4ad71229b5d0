local attrs = require "moonline.twiml.attrs"

local function good(spec, text, value)
  assert.same(value, (attrs.value(text, spec)))
end

local function bad(spec, text, lenient)
  local value, allowed = attrs.value(text, spec, lenient)
  assert.is_nil(value, text)
  assert.is_string(allowed)
end

describe("V3: attribute values", function()
  it("integers have a range", function()
    local spec = { "integer", min = 1, max = 600 }
    good(spec, "10", 10)
    good(spec, " 600 ", 600)
    for _, text in ipairs { "ten", "", "0", "601", "-5", "1.5", "1e2", "0x10", "10s",
      "99999999999999999999999" } do bad(spec, text) end
    assert.same({ nil, "a whole number from 1 to 600", "10" }, { attrs.value("ten", spec) })
    assert.equal("15", select(3, attrs.value("15s", spec)))
  end)

  it("integers are clamped and cut when lenient", function()
    local spec = { "integer", min = 1, max = 600 }
    assert.equal(600, (attrs.value("700", spec, true)))
    assert.equal(10, (attrs.value("10.7s", spec, true)))
    bad(spec, "ten", true)
    bad(spec, "1e999", false)
    assert.equal(1, (attrs.value("1e999", spec, true)))
  end)

  it("booleans", function()
    good({ "boolean" }, "true", true)
    good({ "boolean" }, "false", false)
    bad({ "boolean" }, "TRUE")
    assert.equal(true, (attrs.value("TRUE", { "boolean" }, true)))
    assert.equal(false, (attrs.value("0", { "boolean" }, true)))
    bad({ "boolean" }, "perhaps", true)
  end)

  it("methods in any case", function()
    good({ "method" }, "get", "GET")
    good({ "method" }, "Post", "POST")
    bad({ "method" }, "PUT")
  end)

  it("enumerations and lists", function()
    local spec = { "enum", values = { "busy", "rejected" }, aliases = { no = "rejected" } }
    good(spec, "busy", "busy")
    good(spec, "no", "rejected")
    bad(spec, "Busy")
    local list = { "list", values = { "a", "b", "c" } }
    good(list, "a  c", { "a", "c" })
    good(list, "a,b, a", { "a", "b" })
    bad(list, "")
    bad(list, "a d")
  end)

  it("S9: caller ids", function()
    for _, text in ipairs { "bob", "+15550100", "a.b_c-d+1" } do
      good({ "caller_id" }, text, text)
    end
    for _, text in ipairs { "", "bob smith", "bob@x", "client:bob", "b\nob", "bøb" } do
      bad({ "caller_id" }, text)
    end
    bad({ "caller_id", max = 5 }, "abcdef")
  end)

  it("S15: URLs, with a host that has no underscore", function()
    for _, text in ipairs { "/x", "x.php?a=b:c", "../y#rc=2", "", "?a=1", "//host/x",
      "http://myapp.com/calls/events", "https://u:p@h:8080/x", "HTTP://[::1]:80/",
      "http://127.0.0.1" } do good({ "url" }, text, text) end
    good({ "url" }, " /x\n", "/x")
    for _, text in ipairs { "http://my_app.com/x", "http:///x", "http://h:99999/", "ftp://h/x",
      "http:h", "http://a b/", "javascript:alert(1)", "http://h:x/", "http://.h/", "http://u@/" } do
      bad({ "url" }, text)
    end
  end)

  it("digits and keys", function()
    good({ "digits" }, "0123456789ABCD*#wW", "0123456789ABCD*#wW")
    bad({ "digits" }, "12x")
    bad({ "digits" }, "")
    good({ "key" }, "#", "#")
    good({ "key" }, "", "")
    bad({ "key" }, "12")
  end)

  it("an unknown type is misuse", function()
    assert.has_error(function() attrs.value("x", { "colour" }) end)
  end)
end)

describe("V1: attributes that are not supported", function()
  it("are told, and are warnings in every mode", function()
    local told = {}
    local values, given = attrs.check({
      a = { "text", unsupported = true },
      input = { "list", values = { "dtmf", "speech" }, unsupported = { "speech" } },
    }, {
      { name = "a", value = "1", line = 1, column = 1 },
      { name = "input", value = "dtmf speech", line = 1, column = 5 },
    }, function(code, _, message, _, level) told[#told + 1] = { code, message, level } end)
    assert.same({ input = { "dtmf" } }, values)
    assert.same({ a = true, input = true }, given)
    assert.equal(2, #told)
    assert.equal("warning", told[1][3])
    assert.equal("warning", told[2][3])
  end)
end)

local address = require "moonline.address"

describe("addresses", function()
  it("IPv4 and IPv6", function()
    for _, text in ipairs { "127.0.0.1", "::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "[::1]",
      "::ffff:10.0.0.1" } do assert.is_true(address.is_ip(text), text) end
    for _, text in ipairs { "", "1.2.3", "256.1.1.1", "1.2.3.4.5", "1::2::3", ":::", "12345::",
      "g::1", "[127.0.0.1]", "::10.0.0.256", "10.0.0.1::", "1234" } do
      assert.is_false(address.is_ip(text), text)
    end
  end)

  it("names", function()
    for _, text in ipairs { "a", "example.com", "a-b.c", "example.com.", "1a.2b", "xn--a-b.de" } do
      assert.is_true(address.is_name(text), text)
    end
    for _, text in ipairs { "", ".", "a..b", "-a.b", "a-.b", "a_b", "a b", "é.de", "1.2.3.4",
      ("a"):rep(64), (("a"):rep(60) .. "."):rep(5) } do
      assert.is_false(address.is_name(text), text)
    end
  end)

  it("hosts and ports", function()
    assert.same({ "a.b", "80" }, { address.split("a.b:80") })
    assert.same({ "[::1]", "80" }, { address.split("[::1]:80") })
    assert.same({ "[::1]" }, { address.split("[::1]") })
    assert.equal(65535, address.port("65535"))
    for _, text in ipairs { "", "65536", "-1", "x", "1.5", "000001" } do
      assert.is_nil(address.port(text), text)
    end
  end)
end)

-- URLs of webhooks: resolved, extended, shown.

local url = require "moonline.webhook.url"

describe("V5 a URL", function()
  it("is resolved against the document's, as RFC 3986 says", function()
    local base = "http://kate:pw@app:8080/a/b/c?x=1#ct=100"
    for reference, expected in pairs {
      ["d"] = "http://kate:pw@app:8080/a/b/d", ["./d"] = "http://kate:pw@app:8080/a/b/d",
      ["../d"] = "http://kate:pw@app:8080/a/d", ["/d"] = "http://kate:pw@app:8080/d",
      ["../../../d"] = "http://kate:pw@app:8080/d", ["?y=2"] = "http://kate:pw@app:8080/a/b/c?y=2",
      [""] = "http://kate:pw@app:8080/a/b/c?x=1", ["//other/d"] = "http://other/d",
      ["https://o/p"] = "https://o/p", ["d#rc=2"] = "http://kate:pw@app:8080/a/b/d#rc=2",
      ["d?u=http://x/"] = "http://kate:pw@app:8080/a/b/d?u=http://x/",
    } do
      assert.equal(expected, url.resolve(reference, base), reference)
    end
    assert.is_nil(url.resolve("ftp://x/", base))
    assert.is_nil(url.resolve("d", nil))
  end)

  it("gets parameters, as the server will see it", function()
    for given, expected in pairs {
      ["http://h"] = "http://h/?z=1", ["http://h?"] = "http://h/?z=1",
      ["http://h?q=1"] = "http://h/?q=1&z=1", ["http://h/x?#rc=1"] = "http://h/x?z=1",
      ["http://h/x?a=b?"] = "http://h/x?a=b?&z=1",
      ["http://h/\195\182 x"] = "http://h/%C3%B6%20x?z=1",
    } do
      assert.equal(expected, url.with_query(given, "z=1"))
      assert.equal((expected:gsub("[?&]z=1$", "")), url.with_query(given, ""))
    end
  end)

  it("encodes what a form cannot hold, and reads it again", function()
    local list = { { "a b", "1+1=2&x" }, { "ö", "\r\n\0%" } }
    assert.equal("a%20b=1%2B1%3D2%26x&%C3%B6=%0D%0A%00%25", url.form(list))
    assert.same(list, url.parse_form(url.form(list)))
    assert.same({ { "a", "b c" }, { "d", "" } }, url.parse_form "a=b+c&d")
  end)
end)

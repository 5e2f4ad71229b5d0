-- X-Twilio-Signature against values made with the official SDK.

local crypto = require "moonline.core.crypto"
local signature = require "moonline.webhook.signature"

local PHP = "https://mycompany.com/myapp.php?foo=1&bar=2"
local FORM = {
  { "To", "+18005551212" }, { "CallSid", "CA1234567890ABCDE" }, { "Caller", "+14158675309" },
  { "From", "+14158675309" }, { "Digits", "1234" },
}

describe("V5 the signature", function()
  it("of a form", function()
    assert.equal("RSOYDt4T1cUTdK1PDd93/VVr8B8=", signature.of("12345", PHP, FORM))
  end)

  it("of a URL alone, as for GET", function()
    assert.equal("zYQTYrRWXE7LtzbG4PfP7/bkkGo=", signature.of("12345", PHP))
  end)

  it("sorts names by their bytes, capitals first", function()
    local list = { { "b", "1" }, { "B", "2" }, { "a", "3" } }
    assert.equal("eGmXxhpinMGjstWTdllCAMwMBoU=",
      signature.of("12345", "https://example.com/a", list))
  end)

  it("takes each value of a repeated name once, sorted", function()
    local once = signature.of("t", "http://h/", { { "a", "1" }, { "a", "2" } })
    assert.equal(once, signature.of("t", "http://h/", { { "a", "2" }, { "a", "1" }, { "a", "2" } }))
    assert.not_equal(once, signature.of("t", "http://h/", { { "a", "12" } , { "b", "" } }))
  end)

  it("leaves the fragment and a standard port out", function()
    local plain = signature.of("t", "https://h/p?q=1")
    assert.equal(plain, signature.of("t", "https://h/p?q=1#rc=3"))
    assert.equal(plain, signature.of("t", "https://h:443/p?q=1"))
    assert.not_equal(plain, signature.of("t", "https://h:8443/p?q=1"))
    assert.not_equal(plain, signature.of("t", "https://h:80/p?q=1"))
  end)

  it("of a JSON body is over its hash", function()
    local body = '{"CallSid":"CA1234567890ABCDE","Caller":"+12349013030"}'
    assert.equal("5ccde7145dfb8f56479710896586cb9d5911809d83afbe34627818790db0aec9",
      crypto.hex(crypto.digest("sha256", body)))
  end)
end)

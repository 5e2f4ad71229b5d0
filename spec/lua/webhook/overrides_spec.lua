-- Connection overrides in a URL's fragment.

local overrides = require "moonline.webhook.overrides"

local DEFAULTS = { connect_timeout = 5, timeout = 15 }

local function read(fragment)
  local codes = {}
  local how = overrides.read(fragment, DEFAULTS, function(code) codes[#codes + 1] = code end)
  return how, codes
end

describe("V5 connection overrides", function()
  it("default to 5 s, 15 s, one retry of a connection", function()
    local how, codes = read(nil)
    assert.same({ connect_timeout = 5, timeout = 15, retries = 1, retry_on = { ct = true } }, how)
    assert.same({}, codes)
  end)

  it("set times in milliseconds, retries and what is retried", function()
    local how, codes = read "ct=2000&rt=3000&tt=9000&rc=3&rp=4xx,5xx&sni=n"
    assert.same({
      connect_timeout = 2, read_timeout = 3, timeout = 9, retries = 3, no_sni = true,
      retry_on = { ["4xx"] = true, ["5xx"] = true },
    }, how)
    assert.same({}, codes)
    assert.is_false(read("sni=y").no_sni)
  end)

  it("out of range or unreadable are warned about and have no effect", function()
    for _, fragment in ipairs { "ct=99", "ct=10001", "rt=99", "tt=15001", "rc=6", "rc=-1", "rc=x",
      "ct=", "ct=1.5", "sni=maybe", "zz=1" } do
      local how, codes = read(fragment)
      assert.same({ 11100 }, codes, fragment)
      assert.same(read(nil), how)
    end
  end)

  it("with an unknown retry policy keep the good ones", function()
    local how, codes = read "rp=5xx,teapot"
    assert.same({ 11243 }, codes)
    assert.same({ ["5xx"] = true }, how.retry_on)
    how, codes = read "rp=teapot"
    assert.same({ 11243 }, codes)
    assert.same({ ct = true }, how.retry_on)
  end)

  it("name no edge: there is none", function()
    local _, codes = read "e=ashburn"
    assert.same({ 11241 }, codes)
  end)

  it("are none in an ordinary fragment", function()
    local _, codes = read "top"
    assert.same({}, codes)
  end)
end)

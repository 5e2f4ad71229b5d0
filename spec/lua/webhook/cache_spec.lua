-- What may be kept of answers to GETs.

local cache = require "moonline.webhook.cache"

describe("V5 the cache", function()
  local function fresh(headers) return cache.freshness(headers, 100) end

  it("keeps what has a mark or an age", function()
    assert.same({ etag = '"a"', fresh_until = 100 }, fresh { etag = '"a"' })
    assert.same({ modified = "then", fresh_until = 100 }, fresh { ["last-modified"] = "then" })
    assert.same({ fresh_until = 160 }, fresh { ["cache-control"] = "public, max-age=60" })
    assert.same({ fresh_until = 160 }, fresh { ["cache-control"] = 'Max-Age="60", no-transform' })
    assert.is_nil(fresh {})
    assert.is_nil(fresh { ["cache-control"] = "max-age=0" })
  end)

  it("asks again when told so, and keeps nothing when told so", function()
    assert.same({ etag = "x", fresh_until = 100 },
      fresh { etag = "x", ["cache-control"] = "no-cache, max-age=60" })
    assert.is_nil(fresh { etag = "x", ["cache-control"] = "no-store" })
  end)

  it("asks with the marks it has", function()
    assert.same({}, cache.conditions(nil))
    assert.same({ { "If-None-Match", "a" }, { "If-Modified-Since", "b" } },
      cache.conditions { etag = "a", modified = "b" })
  end)

  it("holds a bounded number: the oldest goes", function()
    local gone = {}
    local shelf = cache.shelf(2, function(entry) gone[#gone + 1] = entry.n end)
    for n = 1, 3 do shelf:put("k" .. n, { n = n }) end
    assert.same({ 1 }, gone)
    shelf:put("k2", { n = 22 })
    shelf:put("k4", { n = 4 })
    assert.same({ 1, 3 }, gone)
    assert.equal(22, shelf:get("k2").n)
    shelf:put("k2", nil)
    assert.is_nil(shelf:get "k2")
    shelf:put("k5", { n = 5 })
    assert.same({ 1, 3 }, gone)
  end)
end)

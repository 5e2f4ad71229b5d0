-- Traces of calls: what is told comes back as it was.
local house = require "moonline.core.house"

local function told(event, form, options)
  local traces <close> = house.traces(options or { calls = 2, bytes = 65536 })
  traces:open "CA1"
  event.call = event.call or "CA1"
  traces:tell(event, form)
  local items, dropped = traces:read "CA1"
  if items[1] then
    assert.is_number(items[1].time)
    items[1].time = nil
  end
  return items[1], dropped
end

describe("house.traces", function()
  it("gives back texts, numbers, booleans and tables as they were told", function()
    local event = {
      kind = "all", empty = "", zero = "a\0b\"\\\n\xff", short = ("s"):rep(255),
      long = ("l"):rep(256), longer = ("m"):rep(20000), yes = true, no = false, one = 1,
      least = math.mininteger, most = math.maxinteger, half = -0.5, tiny = 5e-324,
      pairs = { { "a", "b" }, { "a", "c" } },
      deep = { b = { c = { 1, 2.5, false, "x" } } }, none = {},
    }
    local back = told(event)
    assert.same(event, back)
    assert.equal("integer", math.type(back.one))
    assert.equal("float", math.type(back.half))
  end)

  it("leaves out what is none of these, and what lies too deep", function()
    local deep = { name = "here" }
    local at = deep
    for _ = 1, 12 do
      at.next = { name = "there" }
      at = at.next
    end
    local event = { kind = "odd", fn = print, co = coroutine.create(print), inf = math.huge,
      nan = 0 / 0, [1.5] = "no name", list = { 1, print, 3 }, deep = deep }
    local back = told(event)
    assert.same({ 1, nil, 3 }, back.list)
    local depth = 0
    at = back.deep
    while at do
      at, depth = at.next, depth + 1
    end
    assert.equal(7, depth)
    back.list, back.deep = nil, nil
    assert.same({ kind = "odd", call = "CA1" }, back)
  end)

  it("keeps the form instead of the parameters, and the parameters when there is none", function()
    local params = { { "CallSid", "CA1" }, { "Digits", "1" } }
    assert.same({ kind = "webhook", call = "CA1", form = "CallSid=CA1&Digits=1" },
      told({ kind = "webhook", params = params }, "CallSid=CA1&Digits=1"))
    assert.same({ kind = "webhook", call = "CA1", params = params },
      told { kind = "webhook", params = params })
    assert.has_error(function() told({ kind = "webhook" }, {}) end)
  end)

  it("takes no event of another call, of none, or larger than half a trace", function()
    assert.is_nil(told { kind = "other", call = "CA2" })
    assert.is_nil(told { kind = "other", call = 5 })
    local item, dropped = told({ kind = "huge", body = ("x"):rep(3000) }, nil,
      { calls = 1, bytes = 4096 })
    assert.is_nil(item)
    assert.equal(1, dropped)
  end)

  it("says the time and the call itself", function()
    local traces <close> = house.traces { calls = 1, bytes = 4096 }
    traces:open "CA1"
    traces:tell { kind = "early", call = "CA1", time = "yesterday" }
    local item = traces:read("CA1")[1]
    assert.is_number(item.time)
    assert.equal("CA1", item.call)
  end)
end)

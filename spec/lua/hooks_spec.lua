local hooks = require "moonline.hooks"

describe("hooks", function()
  it("go by priority, then by age; the first that returns something ends the chain", function()
    local h, seen = hooks.new(), {}
    local function note(name, result)
      return function() seen[#seen + 1] = name; return result end
    end
    h:add("x", note "b")
    h:add("x", note("c", "found"))
    h:add("x", note "d")
    h:add("x", note "a", 10)
    assert.equal("found", h:fire("x"))
    assert.same({ "a", "b", "c" }, seen)
    assert.is_nil(h:fire("y"))
  end)

  it("pass arguments and all results, false too", function()
    local h = hooks.new()
    h:add("x", function(a, b) return false, a + b end)
    assert.same({ false, 3 }, { h:fire("x", 1, 2) })
  end)

  it("can be taken out, also while they are fired", function()
    local h, count = hooks.new(), 0
    local remove
    remove = h:add("x", function() count = count + 1; remove() end)
    h:add("x", function() count = count + 1 end)
    h:fire("x")
    h:fire("x")
    assert.equal(3, count)
    remove()
  end)

  it("that fail are passed over", function()
    local h = hooks.new()
    h:add("x", function() error("no") end)
    h:add("x", function() return 5 end)
    assert.equal(5, h:fire("x"))
  end)

  it("misuse raises", function()
    local h = hooks.new()
    assert.has_error(function() h:add(5, print) end)
    assert.has_error(function() h:add("x", "y") end)
  end)
end)

local generation = require "moonline.core.generation"
local sys = require "moonline.core.sys"

describe("a generation", function()
  it("L3 whose mailbox is none is refused before anything of it is made", function()
    local before = sys.counts().blocks
    local ok, why = pcall(generation.load, { env = {}, box = {} })
    assert.is_false(ok)
    assert.matches("[Mm]ailbox", why)
    assert.equal(before, sys.counts().blocks)
  end)
end)

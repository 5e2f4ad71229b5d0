local suggest = require "moonline.twiml.suggest"

describe("suggest", function()
  it("counts edits, a swap as one", function()
    assert.equal(0, suggest.distance("dial", "dial"))
    assert.equal(1, suggest.distance("dail", "dial"))
    assert.equal(3, suggest.distance("", "abc"))
    assert.equal(3, suggest.distance("kitten", "sitting"))
  end)

  it("finds the nearest word whatever the case", function()
    assert.equal("Dial", suggest.nearest("Dail", { "Say", "Dial", "Play" }))
    assert.equal("statusCallback", suggest.nearest("statuscallback", { "statusCallback", "url" }))
    assert.equal("Say", suggest.nearest("SAY", { "Say", "Play" }))
  end)

  it("finds nothing far off", function()
    assert.is_nil(suggest.nearest("Foo", { "Say", "Dial" }))
    assert.is_nil(suggest.nearest(("x"):rep(5000), { "x" }))
  end)
end)

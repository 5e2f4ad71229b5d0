local elements = require "moonline.elements"

describe("V4: elements", function()
  local finder = elements.new()

  it("are found by their names, verbs and nouns apart", function()
    assert.equal("Say", finder:verb("Say").name)
    assert.equal("Sip", finder:noun("Sip").name)
    assert.is_nil(finder:verb("Sip"))
    assert.is_nil(finder:noun("Say"))
  end)

  it("never turn another name into a path", function()
    for _, name in ipairs { "say", "SAY", "sAy", "../verbs/Say", "Say/../Say", "Say.x", "Say\0", "",
      "S%", "Verbs.Say" } do
      assert.is_nil(finder:verb(name), name)
    end
  end)

  it("are listed from their folders", function()
    assert.equal("Dial", finder:spelling("verb", "dial"))
    assert.is_nil(finder:spelling("verb", "dail"))
    assert.is_nil(finder:spelling("verb", "../dial"))
    assert.same({
      "Client", "Conference", "Identity", "Number", "Parameter", "Queue", "Recording", "Sip",
      "Stream",
    }, finder:names("noun"))
  end)

  it("of a folder that is not there are none", function()
    assert.equal("Say", elements.new({ "/nonexistent" }):verb("Say").name)
    elements.new({ "/nonexistent" }):load()
  end)
end)

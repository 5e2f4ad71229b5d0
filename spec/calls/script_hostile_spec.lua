-- Scripts made by chance to do harm: a sample of spec/long/hostile.
local trial = require "support.trial"

describe("hostile scripts", function()
  it("L3 made of deeds in hiding places stop nobody", function()
    trial.scripts(1, 40)
  end)

  it("L3 that call what C provides with anything stop nobody", function()
    trial.bound(1, 15)
  end)
end)

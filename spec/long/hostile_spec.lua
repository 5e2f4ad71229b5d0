-- A hundred hostile scripts, from HOSTILE_FIRST on: in lots, so that a failure names few.
local trial = require "support.trial"

local FIRST <const> = tonumber(os.getenv "HOSTILE_FIRST" or 1)
local LOT = 25

describe("hostile scripts", function()
  for first = FIRST, FIRST + 74, LOT do
    it(("L3 %d to %d stop nobody"):format(first, first + LOT - 1), function()
      trial.scripts(first, first + LOT - 1)
    end)
  end

  it(("L3 %d to %d, which call bound functions, stop nobody"):format(FIRST + 75, FIRST + 99),
    function()
    trial.bound(FIRST + 75, FIRST + 99)
  end)
end)

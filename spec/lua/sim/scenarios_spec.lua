-- The scenarios of spec/sim: what they expect, and their ladders byte for byte. `build/moonline test
-- --update spec/sim` writes the ladders anew.
local golden = require "moonline.sim.golden"
local lfs = require "lfs"
local process = require "support.process"
local proof = require "support.proof"
local scenario = require "moonline.sim.scenario"

local FOLDER = process.root .. "/spec/sim"

local function files()
  local list = {}
  for entry in lfs.dir(FOLDER) do
    if entry:match("_test%.lua$") then list[#list + 1] = ("%s/%s"):format(FOLDER, entry) end
  end
  table.sort(list)
  return list
end

-- The documents of a scenario bear out what its name claims.
local function told(one)
  local path = one.document and ("%s/%s"):format(one.folder, one.document)
  proof.told(one.text or path and process.read(path) or "")
  for _, page in pairs(one.pages) do
    proof.told(type(page) == "table" and page.body or type(page) == "string" and page or "")
  end
end

local ladders = {}

for _, path in ipairs(files()) do
  describe("scenario", function()
    for _, one in ipairs(assert(scenario.read(path))) do
      ladders[one.ladder] = true
      it(one.name, function()
        told(one)
        local result <close> = assert(scenario.play(one))
        local why = scenario.check(one, result)
        assert.is_nil(why, tostring(why))
        why = golden.check(("%s/%s"):format(FOLDER, one.ladder), result:ladder())
        assert.is_nil(why, tostring(why))
      end)
    end
  end)
end

describe("scenarios", function()
  it("have a ladder each, at least 40 of them, and there is no other", function()
    local count = 0
    for entry in lfs.dir(FOLDER .. "/ladders") do
      if entry:match("%.txt$") then
        assert.is_true(ladders["ladders/" .. entry], entry .. " belongs to no scenario")
        count = count + 1
      end
    end
    assert.is_true(count >= 40)
  end)

  it("give the same log for the same seed, and others for others", function()
    local one = assert(scenario.read(FOLDER .. "/chance_test.lua"))[1]
    local known = {}
    for seed = 1, 10 do
      local first <close> = assert(scenario.play(one, { seed = seed }))
      local again <close> = assert(scenario.play(one, { seed = seed }))
      local log = first:log()
      assert.equal(log, again:log())
      assert.is_nil(known[log])
      known[log] = true
    end
  end)
end)

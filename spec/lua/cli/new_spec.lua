-- moonline new verb: what it writes works as it is, and its test tells when it does not.
local check = require "moonline.cli.check"
local new = require "moonline.cli.new"
local process = require "support.process"

local folder

-- Runs the command: exit code, what it printed.
local function run(name, options)
  options = options or {}
  options.kind, options.name, options.folder = "verb", name, options.folder or folder
  local lines = {}
  local function line(text) lines[#lines + 1] = text end
  return new.run(options, { line = line, problem = line }), table.concat(lines, "\n")
end

-- Runs the program with arguments: whether it went well, and what it said.
local function moonline(arguments)
  local pipe = assert(io.popen(("'%s' %s 2>&1"):format(process.moonline, arguments)))
  local said = pipe:read "a"
  return pipe:close(), said
end

describe("V4 moonline new verb", function()
  before_each(function() folder = process.folder() end)
  after_each(function() process.remove(folder) end)

  it("writes a verb and its test, which passes", function()
    local code, said = run "Survey"
    assert.equal(0, code)
    assert.equal(folder .. "/survey.lua\n" .. folder .. "/survey_spec.lua", said)
    local ok, output = moonline("--virtual " .. folder .. "/survey_spec.lua")
    assert.is_true(ok, output)
    local _, passed = output:gsub("ok %- <Survey>", "")
    assert.equal(3, passed)
    local _, lines = process.read(folder .. "/survey_spec.lua"):gsub("\n", "")
    assert.is_true(lines < 30)
  end)

  it("writes a test that fails when the verb is broken", function()
    run "Survey"
    local path = folder .. "/survey.lua"
    process.write(path, (process.read(path):gsub("Keys = keys", "Keys = 7")))
    local ok, output = moonline("--virtual " .. folder .. "/survey_spec.lua")
    assert.is_nil(ok)
    assert.truthy(output:find("survey_spec.lua:10: assertion failed", 1, true))
  end)

  it("has its attributes checked by moonline check", function()
    run "Survey"
    local file = process.write(folder .. "/a.xml",
      '<Response>\n<Survey say="x" digits="99" acton="/y"/>\n</Response>')
    local conf = process.write(folder .. "/m.conf", 'twiml = { verbs = { "." } }')
    local lines = {}
    local function line(text) lines[#lines + 1] = text:gsub("^.*/", "") end
    check.run({ file = { file }, config = conf, mode = "strict" }, { line = line, problem = line })
    assert.same({ 'a.xml:2:17: error 12200 digits="99" must be a whole number from 1 to 20',
      "a.xml:2:29: error 12200 attribute acton is not known (did you mean action?)" }, lines)
  end)

  it("overwrites nothing", function()
    process.write(folder .. "/survey_spec.lua", "mine")
    local code, said = run "Survey"
    assert.equal(1, code)
    assert.truthy(said:find("survey_spec.lua is there already", 1, true))
    assert.equal("mine", process.read(folder .. "/survey_spec.lua"))
    assert.equal("", process.read(folder .. "/survey.lua"))
  end)

  it("takes names of letters only, and says what was meant", function()
    for _, name in ipairs { "survey", "../Survey", "Sur-vey", "Survey1", "", "Sur vey" } do
      local code, said = run(name)
      assert.equal(2, code, name)
      assert.equal(name ~= "", said:find("did you mean", 1, true) ~= nil)
    end
    assert.truthy(select(2, run "sur-vey"):find("(did you mean Survey?)", 1, true))
  end)

  it("says when it takes the place of a verb of ours", function()
    assert.truthy(select(2, run "Say"):find("takes the place of our <Say>", 1, true))
  end)

  it("finds the folder in the configuration, and makes it", function()
    local conf = process.write(folder .. "/m.conf", 'twiml = { verbs = { "./mine" } }')
    local code = new.run({ kind = "verb", name = "Survey", config = conf },
      { line = function() end, problem = function(text) error(text) end })
    assert.equal(0, code)
    assert.is_true(#process.read(folder .. "/mine/survey.lua") > 100)
  end)

  it("fails where it may not write", function()
    local code, said = run("Survey", { folder = folder .. "/no/such/folder" })
    assert.equal(1, code)
    assert.truthy(said:find("No such file", 1, true))
  end)
end)

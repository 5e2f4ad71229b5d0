local check = require "moonline.cli.check"
local json = require "dkjson"

local folder

local function run(files, options)
  local names, lines, problems = {}, {}, {}
  for name, text in pairs(files) do
    local file <close> = io.open(folder .. "/" .. name, "w")
    file:write(text)
    names[#names + 1] = folder .. "/" .. name
  end
  options = options or {}
  options.file, options.mode = names, options.mode or "strict"
  local code = check.run(options, {
    line = function(text) lines[#lines + 1] = (text:gsub(folder .. "/", "")) end,
    problem = function(text) problems[#problems + 1] = text end,
  })
  return code, lines, problems
end

describe("moonline check", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(require("lfs").mkdir(folder))
  end)

  after_each(function()
    for name in require("lfs").dir(folder) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)

  it("V3: four slips, four messages with line, column and a suggestion", function()
    local code, lines = run { ["a.xml"] = [[<Response>
  <Dail><Sip>a@b</Sip></Dail>
  <Dial timeout="ten">
    <Sip statuscallback="/x">a@b</Sip>
  </Dial>
  <Sip>a@b</Sip>
</Response>]] }
    assert.equal(1, code)
    assert.equal(4, #lines)
    assert.truthy(lines[1]:find("^a.xml:2:3: error 12200 .*%(did you mean Dial%?%)$"))
    assert.truthy(lines[2]:find("^a.xml:3:9: error 13212 .*from 1 to 600 %(did you mean 10%?%)$"))
    assert.truthy(lines[3]:find("^a.xml:4:10: error 12200 .*%(did you mean statusCallback%?%)$"))
    assert.truthy(lines[4]:find("^a.xml:6:3: error 12200 .*%(did you mean <Dial><Sip>%?%)$"))
  end)

  it("V3: judges as strict, or as --mode says", function()
    local files = { ["a.xml"] = "<Response><Dail/></Response>" }
    assert.equal(1, (run(files)))
    local code, lines = run(files, { mode = "warn" })
    assert.equal(0, code)
    assert.truthy(lines[1]:find("warning 12200", 1, true))
  end)

  it("says nothing about what is right", function()
    local code, lines = run { ["a.xml"] = "<Response><Say>x</Say></Response>", ["b.lua"] = "x = 5",
      ["c.conf"] = "" }
    assert.equal(0, code)
    assert.same({}, lines)
  end)

  it("tells documents, scripts and configuration files apart", function()
    assert.equal("document", check.kind("a", "\n <Response/>"))
    assert.equal("document", check.kind("a.xml", "x"))
    assert.equal("configuration", check.kind("moonline.conf", "x"))
    assert.equal("configuration", check.kind("a.conf.lua", "x"))
    assert.equal("configuration", check.kind("a.lua", "sip = {}"))
    assert.equal("script", check.kind("a.lua", "local m = require 'moonline'"))
  end)

  it("compiles scripts, with text only", function()
    local code, lines = run { ["a.lua"] = "#!/usr/bin/env moonline\nlocal x = = 5" }
    assert.equal(1, code)
    assert.same({ "a.lua:2:11: error lua unexpected symbol near '='" }, lines)
    code, lines = run { ["a.lua"] = string.dump(function() end) }
    assert.equal(1, code)
    assert.equal(1, #lines)
  end)

  it("checks configuration files", function()
    local code, lines = run { ["a.conf"] = "rtp = { timeuot = 5 }" }
    assert.equal(1, code)
    assert.same({ "a.conf:1:9: error config unknown key rtp.timeuot (did you mean timeout?)" },
      lines)
  end)

  it("prints JSON", function()
    local _, lines = run({ ["a.xml"] = "<Response><Dail/></Response>" }, { json = true })
    local result = json.decode(lines[1])
    assert.equal(1, result.errors)
    assert.equal("Dial", result.problems[1].suggestion)
    assert.equal(12200, result.problems[1].code)
    _, lines = run({ ["a.xml"] = "<Response/>" }, { json = true })
    assert.truthy(lines[1]:find('"problems":[]', 1, true))
  end)

  it("tells a file that is not there", function()
    local lines = {}
    local code = check.run({ file = { "/nonexistent" }, mode = "strict" },
      { line = function(text) lines[#lines + 1] = text end })
    assert.equal(1, code)
    assert.same({ "/nonexistent:1:1: error file No such file or directory" }, lines)
  end)
end)

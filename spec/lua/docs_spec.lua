-- What the documents say about the program is true.
local schema = require "moonline.config.schema"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Every key of the schema as it is written in a table of docs/configuration.md.
local function each_key(kind, path, visit)
  if kind.kind == "record" then
    for name, inner in pairs(kind.fields) do
      each_key(inner, path == "" and name or path .. "." .. name, visit)
    end
  elseif kind.kind == "map" and kind.of.kind == "record" then
    each_key(kind.of, path .. ".NAME", visit)
  else
    visit(path)
  end
end

describe("docs/configuration.md", function()
  it("has every key of the configuration", function()
    local text = read "docs/configuration.md"
    local missing = {}
    each_key(schema.root, "", function(path)
      local last = path:match("[^.]+$")
      local known = text:find(path, 1, true) or text:find("`." .. last .. "`", 1, true)
      if not known and not path:find("^numbers%.") then missing[#missing + 1] = path end
    end)
    assert.same({}, missing)
  end)

  it("has its example checked", function()
    local example = read("docs/configuration.md"):match("```lua\n(.-)```")
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(example)
    file:close()
    local config, problems = require("moonline.config").load { file = path }
    os.remove(path)
    assert.is_table(config, problems[1] and problems[1].message)
    assert.same({}, problems)
    assert.equal("203.0.113.5", config.rtp.advertise)
  end)
end)

-- Those of `names` that a document does not have in `code`.
local function missing(path, names)
  local text, list = read(path), {}
  for _, name in ipairs(names) do
    local found
    for code in text:gmatch "`([^`\n]+)`" do
      found = found or code:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
    end
    if not found then list[#list + 1] = name end
  end
  return list
end

local function names_of(map)
  local names = {}
  for name in pairs(map) do
    if type(name) == "string" and not name:find("^_") then names[#names + 1] = name end
  end
  return names
end

describe("docs/run.md", function()
  it("has all that a phone may have", function()
    assert.same({}, missing("docs/run.md", names_of(require("moonline.sim.description").FIELDS)))
  end)
end)

describe("docs/test.md", function()
  local scenario = require "moonline.sim.scenario"

  it("has every key of a scenario, and every expectation", function()
    assert.same({}, missing("docs/test.md", names_of(scenario.FIELDS)))
    for _, name in ipairs { "seen_party", "seen_web", "seen" } do
      local class = require("moonline.sim." .. name)
      local methods = class.Seen or class
      assert.same({}, missing("docs/test.md", names_of(methods)))
    end
  end)

  it("has its examples checked: they are scenarios that go as they say", function()
    local text, folder = read "docs/test.md", os.tmpname()
    os.remove(folder)
    assert(require("lfs").mkdir(folder))
    local function write(name, what)
      local file <close> = assert(io.open(folder .. "/" .. name, "w"))
      file:write(what)
    end
    write("menu.xml", '<Response><Gather numDigits="1" action="/chosen">'
      .. "<Say>Press 1 for Kate.</Say></Gather></Response>")
    write("chosen.xml",
      '<Response><Dial action="/after"><Sip>kate@example.com</Sip></Dial></Response>')
    local count = 0
    for block in text:gmatch "```lua\n(scenario.-)```" do
      write("one_test.lua", block)
      for _, one in ipairs(assert(scenario.read(folder .. "/one_test.lua"))) do
        local result <close> = assert(scenario.play(one))
        local why = scenario.check(one, result)
        assert.is_nil(why, tostring(why))
        count = count + 1
      end
    end
    os.execute("rm -rf '" .. folder .. "'")
    assert.equal(2, count)
  end)
end)

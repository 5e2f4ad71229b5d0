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

describe("docs/rest.md", function()
  local lfs = require "lfs"
  local text = read "docs/rest.md"

  -- Paths whose method says only why it is not possible.
  local REFUSED = {
    ["POST /Recordings"] = true, ["POST /Recordings/{RE}"] = true,
    ["POST /Queues/{QU}/Members"] = true,
  }

  -- The rows of its tables: "METHOD path" for each path in the first column.
  local function documented()
    local rows = {}
    for paths, method in text:gmatch "\n| ([^|\n]+) | (%u+) |" do
      for path in paths:gmatch "`([^`]+)`" do rows[method .. " " .. path] = true end
    end
    return rows
  end

  -- The pattern of a path as the document writes it.
  local function written(method, pattern)
    local path = pattern:gsub("^%^", ""):gsub("%$$", ""):gsub("%(%)", "")
      :gsub("%%%.%l[%w]+$", ""):gsub("Twilio%%%.CURRENT", "{RE}"):gsub("%%%-", "-")
      :gsub("%(?(%u%u)%%x%+%)?", "{%1}"):gsub("%[%^/%]%+%)$", "{CA or label}")
      :gsub("%[%^/%]%+", method == "GET" and "{CF}" or "{CF or name}"):gsub("[()]", "")
    return path == "" and "/2010-04-01/Accounts/{AC}" or path
  end

  local function each_resource(visit)
    for entry in lfs.dir "lua/moonline/rest" do
      local name = entry:match "^(%l+)%.lua$"
      if name and name ~= "init" then visit(require("moonline.rest." .. name)) end
    end
  end

  it("has every path and method of the resources, and no other", function()
    local rows, known, missing = documented(), {}, {}
    each_resource(function(resource)
      for _, patterns in ipairs { resource.account or {}, resource.paths or {} } do
        for _, pattern in ipairs(patterns) do
          for _, method in ipairs { "GET", "POST", "DELETE" } do
            local row = method .. " " .. written(method, pattern)
            known[row] = known[row] or resource[method] ~= nil
            local is_there = rows[row] or REFUSED[row]
            if resource[method] and not is_there then missing[#missing + 1] = row end
          end
        end
      end
    end)
    assert.same({}, missing)
    for row in pairs(rows) do assert.truthy(known[row], "there is no " .. row) end
  end)

  it("has every parameter that they read", function()
    local missing = {}
    for _, folder in ipairs { "lua/moonline/rest", "lua/moonline/rest/parts" } do
      for entry in lfs.dir(folder) do
        local source = entry:match "^[^f].*%.lua$" and read(folder .. "/" .. entry) or ""
        for method, name in source:gmatch '[%w]+:(%l+)[ (]"(%u%l%a+)"' do
          local form = require("moonline.rest.parts.form").read ""
          if form[method] and not text:find("`" .. name .. "`", 1, true) then
            missing[#missing + 1] = name
          end
        end
      end
    end
    assert.same({}, missing)
  end)
end)

describe("docs/operation.md", function()
  it("has every event that is told", function()
    local text = read "docs/operation.md"
    local found = io.popen "grep -rhoE 'env\\.notify \\{ ?kind = \"[a-z-]+\"' lua/moonline"
    local count = 0
    for kind in assert(found):read("a"):gmatch 'kind = "([%l-]+)"' do
      assert.truthy(text:find("`" .. kind .. "`", 1, true), kind .. " is not documented")
      count = count + 1
    end
    found:close()
    assert.is_true(count > 20)
  end)

  it("has every command that talks to a running server", function()
    local text = read "docs/operation.md"
    for _, one in ipairs(require("moonline.cli").commands()) do
      local path = "lua/moonline/cli/" .. one.name .. ".lua"
      if read(path):find("remote.run", 1, true) then
        assert.truthy(text:find("`" .. one.name .. "`", 1, true), one.name)
      end
    end
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

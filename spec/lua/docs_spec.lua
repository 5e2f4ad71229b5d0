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

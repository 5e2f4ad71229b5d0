-- The manual pages: they build, and name every command, option and key.
local completion = require "moonline.cli.completion"
local process = require "support.process"
local schema = require "moonline.config.schema"

-- The text of a page, as a reader sees it.
local function page(name)
  local source = process.root .. "/docs/man/" .. name .. ".scd"
  local one <close> = process.start({ "sh", "-c",
    '"$0" docs/man/make.lua "$1" | scdoc', process.moonline, source },
    { directory = process.root, environment = { SOURCE_DATE_EPOCH = "0" } })
  assert.equal(0, one:exit(), one:said())
  assert.equal("", one:err())
  local roff = one:out()
  assert.matches('^[^\n]*scdoc', roff)
  assert.matches("\n%.SH SYNOPSIS\n", roff)
  return roff, (roff:gsub("\\f[BRIP]", ""):gsub("\\&", ""):gsub("\\%-", "-"):gsub("\\_", "_"))
end

describe("manual pages", function()
  it("moonline(1) has every command with every option and argument", function()
    local roff, text = page "moonline.1"
    for _, command in ipairs(completion.parser()._commands) do
      local section = (text .. "\n.SS "):match("\n%.SS " .. command._name .. " (.-)\n%.S[SH] ")
      assert.is_string(section, command._name .. " is not there")
      for _, option in ipairs(command._options) do
        if option._name ~= "-h" then
          for _, alias in ipairs(option._aliases) do
            assert.truthy(section:find(alias, 1, true), command._name .. " " .. alias)
          end
        end
      end
    end
    assert.is_nil(roff:find("@COMMANDS@", 1, true))
    for _, code in ipairs { "0", "1", "2", "69", "77", "78" } do
      assert.matches("\n" .. code .. "\n", text)
    end
  end)

  it("moonline.conf(5) has every key of the configuration", function()
    local _, text = page "moonline.conf.5"
    local function each(kind, path)
      if kind.kind == "record" then
        for name, inner in pairs(kind.fields) do
          each(inner, path == "" and name or path .. "." .. name)
        end
      elseif kind.kind == "map" and kind.of.kind == "record" then
        if not path:find "^numbers" then each(kind.of, path .. ".NAME") end
      else
        local last = path:match "[^.]+$"
        assert.truthy(text:find(path, 1, true) or text:find(", ." .. last, 1, true), path)
      end
    end
    each(schema.root, "")
  end)
end)

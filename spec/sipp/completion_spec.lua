-- moonline completion: what the shells make of it.
local completion = require "moonline.cli.completion"
local process = require "support.process"

local folder

local function printed(shell)
  local one <close> = process.start { process.moonline, "completion", shell }
  assert.equal(0, one:exit(), one:said())
  return process.write(folder .. "/" .. shell, one:out())
end

local function output(...)
  local one <close> = process.start({ ... }, { directory = folder })
  assert.equal(0, one:exit(), one:said())
  assert.equal("", one:err())
  return one:out()
end

-- Completes the last of the words, as bash does.
local BASH = [[
source ./bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
$(complete -p moonline | sed 's/.*-F \([^ ]*\).*/\1/')
printf '%s\n' "${COMPREPLY[@]}"]]

local function bash(...)
  return output("bash", "-c", BASH, "bash", "moonline", ...)
end

local function fish(line)
  local words = {}
  for word in output("fish", "-c", "source ./fish; complete -C " .. ("'%s'"):format(line))
    :gmatch "([^\t\n]+)[^\n]*\n" do words[#words + 1] = word end
  table.sort(words)
  return table.concat(words, "\n") .. "\n"
end

-- The options of a command that begin with --, by the parser that reads them.
local function options(command)
  local words = {}
  for _, option in ipairs(command._options) do
    for _, alias in ipairs(option._aliases) do
      if alias:find "^%-%-" then words[#words + 1] = alias end
    end
  end
  return words
end

describe("moonline completion", function()
  local parser = completion.parser()

  setup(function()
    folder = process.folder()
    for _, shell in ipairs { "bash", "zsh", "fish" } do printed(shell) end
  end)
  teardown(function() process.remove(folder) end)

  it("completes commands in bash and fish", function()
    assert.equal("serve\nshow\n", bash "s")
    assert.equal("serve\nshow\n", fish "moonline s")
    assert.equal(#parser._commands, select(2, bash(""):gsub("\n", "")))
    assert.equal("--help\n--version\n", bash "--")
  end)

  it("completes the options of each command, and no others, in bash and fish", function()
    for _, command in ipairs(parser._commands) do
      local words = options(command)
      assert.equal(table.concat(words, "\n") .. "\n", bash(command._name, "--"))
      table.sort(words)
      assert.equal(table.concat(words, "\n") .. "\n", fish("moonline " .. command._name .. " --"))
    end
  end)

  it("completes values that are known, and files for the others", function()
    process.write(folder .. "/some.conf", "")
    assert.equal("strict\n", bash("check", "--mode", "s"))
    assert.equal("json\n", bash("serve", "--log-format", "j"))
    assert.equal("some.conf\n", bash("serve", "-c", "so"))
    assert.equal("strict\n", fish "moonline check --mode s")
    assert.equal("", (fish "moonline serve --log-format zz"):gsub("^\n$", ""))
  end)

  it("is right for zsh by its own word", function()
    output("zsh", "-n", "zsh")
    assert.matches("^#compdef moonline\n", process.read(folder .. "/zsh"))
  end)

  it("is there for bash, zsh and fish only", function()
    local one <close> = process.start { process.moonline, "completion", "csh" }
    assert.equal(2, one:exit())
    assert.matches("'bash', 'zsh', 'fish'", one:err())
  end)
end)

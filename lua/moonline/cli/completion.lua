-- moonline completion: what a shell needs to complete our commands and their options, made of the same
-- definitions that read them.

local argparse = require "argparse"
local cli = require "moonline.cli"

local completion = { summary = "Print the completion of commands and options for a shell" }

local HELP = [[
bash:  moonline completion bash >~/.local/share/bash-completion/completions/moonline
zsh:   moonline completion zsh >FOLDER/_moonline     (a folder of $fpath)
fish:  moonline completion fish >~/.config/fish/completions/moonline.fish]]

function completion.define(parser)
  parser:argument("shell", "The shell."):choices { "bash", "zsh", "fish" }
  parser:epilog(HELP)
end

---The parser of the whole program, every command below it.
---@return table
function completion.parser()
  local parser = argparse("moonline"):add_help(false)
  parser:flag("-h --help", "Show the commands and exit.")
  parser:flag("-V --version", "Show the version and exit.")
  parser:flag("-i", "Read and run Lua, line by line.")
  for _, one in ipairs(cli.commands()) do
    local below = parser:command(one.name, one.command.summary .. "."):add_help(false)
    below:flag("-h --help", "Show help and exit.")
    one.command.define(below)
  end
  return parser
end

-- argparse takes the options of the program for options of every command as well; and in fish those of
-- call for options of calls.
local mend = {}

function mend.bash(text)
  return text:gsub('opts="%$opts ', 'opts="')
end

function mend.zsh(text)
  return text:gsub("(options=%()%s+%$options", "%1")
end

function mend.fish(text)
  return text:gsub('match %-q "%$argv%*"', 'match -q -- "$argv"')
    :gsub("\n(complete %-c moonline )(%-[^n])", "\n%1-n __fish_moonline_using_command %2")
end

function completion.run(options, out)
  local parser = completion.parser()
  local text = parser["get_" .. options.shell .. "_complete"](parser)
  out.line((mend[options.shell](text):gsub("\n$", "")))
  return 0
end

return completion

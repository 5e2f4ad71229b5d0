-- Commands: one file per command in this folder. Finds it, reads its arguments, runs it.

local argparse = require "argparse"
local lfs = require "lfs"
local suggest = require "moonline.twiml.suggest"

---What the file of a command returns.
---@class moonline.Command
---@field summary string one line for the list of commands
---@field define fun(parser: table) declares options and arguments (lua-argparse)
---@field run fun(options: table, out: moonline.Output): integer returns the exit code

---Where a command writes.
---@class moonline.Output
---@field line fun(text: string) one line to stdout
---@field problem fun(text: string) one line to stderr

local cli = {
  OK = 0, FAILED = 1, USAGE = 2, UNREACHABLE = 69, REFUSED = 77, CONFIGURATION = 78,
}

local out = {}

function out.line(text)
  io.stdout:write(text, "\n")
  io.stdout:flush()
end

function out.problem(text)
  io.stderr:write("moonline: ", text, "\n")
end

local function find(name)
  if not name:match("^%l+$") or name == "init" then return nil end
  local module = "moonline.cli." .. name
  return package.searchpath(module, package.path) and require(module)
end

local function names()
  local found = {}
  local own = package.searchpath("moonline.cli", package.path)
  for entry in lfs.dir(own:match("^(.*)/[^/]*$")) do
    local name = entry:match("^(%l+)%.lua$")
    if name and name ~= "init" then found[name] = true end
  end
  return suggest.keys(found)
end

---Every command.
---@return { name: string, command: moonline.Command }[] list in the order of their names
function cli.commands()
  local list = {}
  for i, name in ipairs(names()) do list[i] = { name = name, command = find(name) } end
  return list
end

local function usage(write)
  write("Usage: moonline COMMAND [OPTION]...")
  write("       moonline SCRIPT.lua [ARGUMENT]...   (- reads the standard input)")
  write("       moonline -i                         reads and runs Lua, line by line")
  write("")
  for _, one in ipairs(cli.commands()) do
    write(("  %-10s %s"):format(one.name, one.command.summary))
  end
  write("")
  write("moonline COMMAND --help tells more.")
end

local HELP = {}

-- The options; nil and what is wrong, or HELP. argparse itself would end the process to print help.
local function parse(command, name, arguments)
  local parser, asked = argparse("moonline " .. name, command.summary .. "."), false
  parser:add_help(false)
  parser:flag("-h --help", "Show this help and exit."):action(function()
    asked = true
    error("help", 0) -- reads no further
  end)
  command.define(parser)
  local whole, ok, result = pcall(parser.pparse, parser, arguments)
  if asked then return nil, HELP, parser end
  if not whole then error(ok, 0) end
  return ok and result or nil, result, parser
end

local function run(command, name, arguments)
  local options, problem, parser = parse(command, name, arguments)
  if problem == HELP then
    out.line(parser:get_help())
    return cli.OK
  end
  if not options then
    out.problem(problem)
    io.stderr:write(parser:get_usage(), "\n")
    return cli.USAGE
  end
  return command.run(options, out)
end

---Runs the program as a command.
---@param argv string[] without the program's name
---@return integer exit code
function cli.main(argv)
  local name = argv[1]
  if name == "-h" or name == "--help" or name == "help" then
    usage(out.line)
    return cli.OK
  end
  if name == "--version" or name == "-V" then name = "version" end
  if name == "-i" then return require("moonline.repl").run() end
  if not name then
    usage(function(text) io.stderr:write(text, "\n") end)
    return cli.USAGE
  end
  local command = find(name)
  if command then return run(command, name, { table.unpack(argv, 2) }) end
  local near = suggest.nearest(name, names())
  local hint = near and (" (did you mean %s?)"):format(near) or "; moonline --help lists them"
  out.problem(("there is no command %s"):format(name) .. hint)
  return cli.USAGE
end

return cli

-- moonline console: Lua, line by line, in a running server.

local chunks = require "moonline.chunks"
local crypto = require "moonline.core.crypto"
local json = require "dkjson"
local remote = require "moonline.remote"

local console = { summary = "Run Lua in a running server, line by line" }

local HELP = [[
Reads Lua from the terminal, or from the standard input, and runs it in the server, under the
limits of its scripts. help() lists what is there.]]

function console.define(parser)
  remote.define(parser)
  parser:epilog(HELP)
end

local function print_answer(answer, out)
  io.stdout:write(answer.output)
  if answer.error then return out.problem(answer.error) end
  if answer.shown ~= "" then out.line(answer.shown) end
end

function console.run(options, out)
  return remote.run(options, out, function(server)
    local session, failed, known = crypto.random_hex(8), false, false
    local function run(text)
      local answer = server:run(session, text)
      if known and answer.new then out.problem "the policy was loaded again: globals are gone" end
      known, failed = true, failed or not answer.ok
      if options.json then out.line(json.encode(answer)) else print_answer(answer, out) end
    end
    local typed <close> = chunks.open()
    if typed.editor then run 'print("moonline " .. moonline.version .. ": help() tells more")' end
    for text in typed.next, typed do run(text) end
    return failed and not typed.editor and 1 or 0
  end)
end

return console

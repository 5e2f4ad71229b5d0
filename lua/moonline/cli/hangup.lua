-- moonline hangup: ends a call.

local json = require "dkjson"
local remote = require "moonline.remote"

local hangup = { summary = "End a call of a running server" }

function hangup.define(parser)
  parser:argument("sid", "The call."):argname("SID")
  remote.define(parser)
end

function hangup.run(options, out)
  return remote.run(options, out, function(server)
    local call = server:request("POST", "/Calls/" .. options.sid .. ".json",
      { Status = "completed" })
    out.line(options.json and json.encode(call) or call.sid .. " is hung up")
  end)
end

return hangup

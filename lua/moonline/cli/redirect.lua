-- moonline redirect: gives a call another document.

local json = require "dkjson"
local remote = require "moonline.remote"

local redirect = { summary = "Give a call of a running server another document" }

function redirect.define(parser)
  parser:argument("sid", "The call."):argname("SID")
  parser:argument("document", "Its URL."):argname("URL")
  remote.define(parser)
end

function redirect.run(options, out)
  return remote.run(options, out, function(server)
    local call = server:request("POST", "/Calls/" .. options.sid .. ".json",
      { Url = options.document })
    out.line(options.json and json.encode(call) or call.sid .. " goes to " .. options.document)
  end)
end

return redirect

-- moonline drain: no new calls; the server ends with the last one.

local json = require "dkjson"
local remote = require "moonline.remote"

local drain = { summary = "Let a running server take no more calls, and end with the last" }

drain.define = remote.define

function drain.run(options, out)
  return remote.run(options, out, function(server)
    local state = server:request("POST", "//v1/drain")
    out.line(options.json and json.encode(state) or ("%d calls are left"):format(state.calls))
  end)
end

return drain

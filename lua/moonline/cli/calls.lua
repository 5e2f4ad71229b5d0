-- moonline calls: what a running server talks to.

local json = require "dkjson"
local remote = require "moonline.remote"

local calls = { summary = "List the calls of a running server" }

function calls.define(parser)
  parser:option("--status", "Only calls of this status, such as in-progress."):argname("STATUS")
  parser:option("--limit", "At most so many, the newest."):argname("N"):default("50")
  remote.define(parser)
end

function calls.run(options, out)
  return remote.run(options, out, function(server)
    local list = server:request("GET", "/Calls.json",
      { Status = options.status, PageSize = options.limit }).calls
    if options.json then return out.line(json.encode(list)) end
    for _, one in ipairs(list) do
      out.line(("%s  %-11s  %-13s  %s -> %s"):format(one.sid, one.status, one.direction, one.from,
        one.to))
    end
  end)
end

return calls

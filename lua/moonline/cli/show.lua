-- moonline show: one call in full.

local json = require "dkjson"
local remote = require "moonline.remote"
local suggest = require "moonline.twiml.suggest"

local show = { summary = "Show one call of a running server" }

function show.define(parser)
  parser:argument("sid", "The call."):argname("SID")
  remote.define(parser)
end

function show.run(options, out)
  return remote.run(options, out, function(server)
    local call = server:request("GET", "/Calls/" .. options.sid .. ".json")
    if options.json then return out.line(json.encode(call)) end
    for _, name in ipairs(suggest.keys(call)) do
      local value = call[name]
      if type(value) ~= "table" then out.line(("%-18s %s"):format(name, value)) end
    end
  end)
end

return show

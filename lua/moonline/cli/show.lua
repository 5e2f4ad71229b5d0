-- moonline show: one call in full, or what passed in it.

local json = require "dkjson"
local remote = require "moonline.remote"
local suggest = require "moonline.twiml.suggest"

local show = { summary = "Show one call of a running server" }

local FAILED = 1

function show.define(parser)
  parser:argument("sid", "The call."):argname("SID")
  parser:flag("--ladder", "What passed in it, of the last calls (with --json: as JSON).")
  parser:option("--html", "Write the same as a page to look at."):argname("FILE")
  parser:option("--pcap", "Write its SIP messages for Wireshark and sngrep."):argname("FILE")
  remote.define(parser)
end

local function print_call(call, options, out)
  if options.json then return out.line(json.encode(call)) end
  for _, name in ipairs(suggest.keys(call)) do
    local value = call[name]
    if type(value) ~= "table" then out.line(("%-18s %s"):format(name, value)) end
  end
end

local function write(path, text, out)
  local file, why = io.open(path, "wb")
  local ok = file
  if file then ok, why = file:write(text) end
  if ok then ok, why = file:close() end
  if not ok then out.problem(why) end
  return ok
end

function show.run(options, out)
  return remote.run(options, out, function(server)
    local trace = ("//v1/calls/%s/trace"):format(options.sid)
    for _, kind in ipairs { "html", "pcap" } do
      local path = options[kind]
      if path and not write(path, server:read(trace .. "." .. kind), out) then return FAILED end
    end
    if options.ladder then
      out.line((server:read(trace .. (options.json and ".json" or ".txt")):gsub("\n$", "")))
    elseif not (options.html or options.pcap) then
      print_call(server:request("GET", "/Calls/" .. options.sid .. ".json"), options, out)
    end
  end)
end

return show

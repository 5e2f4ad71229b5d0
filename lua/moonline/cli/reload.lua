-- moonline reload: configuration, policy, scripts and verbs of a running server again.

local json = require "dkjson"
local remote = require "moonline.remote"
local task = require "moonline.task"

local reload = { summary = "Load policy and configuration of a running server again" }

local PATIENCE, STEP = 10, 0.05 -- seconds in all, and between two looks

reload.define = remote.define

-- A load that is over has another generation, or another refusal.
local function await(server, was)
  local limit = task.clock() + PATIENCE
  repeat
    task.sleep(STEP)
    local now = server:request("GET", "//health")
    local refused = now.refused and (not was.refused or was.refused.at ~= now.refused.at)
    if now.generation ~= was.generation or refused then return now end
  until task.clock() > limit
  error({ exit = 1, text = ("no new generation within %d s"):format(PATIENCE) }, 0)
end

function reload.run(options, out)
  return remote.run(options, out, function(server)
    local was = server:request("GET", "//health")
    server:request("POST", "//v1/reload")
    local now = await(server, was)
    if options.json then
      out.line(json.encode(now))
    elseif now.refused then
      out.problem(("refused: %s:%d: %s"):format(now.refused.file, now.refused.line,
        now.refused.message))
    else
      out.line(("generation %d takes the calls"):format(now.generation))
    end
    return now.refused and 1 or 0
  end)
end

return reload

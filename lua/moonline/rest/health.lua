-- /health: is all well, and what runs? /ready: may calls come?

local json = require "dkjson"

return {
  paths = { "^(/health)$", "^(/ready)$" },
  open = true,
  GET = function(_, reply, facts, path)
    if path == "/ready" then
      return reply:json(facts.draining and 503 or 200, { ready = not facts.draining })
    end
    reply:json(200, {
      status = (facts.refused or facts.draining or facts.store.problem) and "degraded" or "ok",
      version = facts.version,
      uptime = facts.uptime, calls = facts.calls, generation = facts.generation,
      refused = facts.refused or json.null, store = facts.store.problem or json.null,
      trunks = facts.trunks,
    })
  end,
}

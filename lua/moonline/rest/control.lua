-- /v1/drain and /v1/reload: what a signal does, for those who are not on the machine.

local generation = require "moonline.core.generation"

return {
  paths = { "^/v1/(drain)$", "^/v1/(reload)$" },
  POST = function(_, reply, facts, word)
    generation.notify { kind = word }
    reply:json(202, { generation = facts.generation, calls = facts.calls })
  end,
}

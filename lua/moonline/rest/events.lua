-- /v1/events: what happens in all calls, as server-sent events. The request goes to the server, which
-- outlives the generation that answers here.

local generation = require "moonline.core.generation"

return {
  paths = { "^(/v1/events)$" },
  GET = function(_, reply)
    generation.notify { kind = "reader", request = reply.request,
      last = reply:header "last-event-id" }
  end,
}

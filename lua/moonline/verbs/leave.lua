-- <Leave/>: out of the queue, from its waiting document; the verb after <Enqueue> is next.

local task = require "moonline.core.task"

return {
  name = "Leave",
  screening = false,
  run = function(session)
    if not session.queued then
      return session:warn(12200, "<Leave> has no effect on a call that is in no queue")
    end
    task.unwind { kind = "leave" }
  end,
}

-- One queue: read, changed, deleted when nobody waits in it.

local form = require "moonline.rest.parts.form"
local queue = require "moonline.room.queue"
local queues = require "moonline.rest.parts.queue"
local task = require "moonline.core.task"

return {
  account = { "/Queues/(QU%x+)" },

  GET = function(env, reply, _, sid)
    if not queues.find(env, sid) then return reply:missing() end
    reply:json(200, queues.shape(env, sid))
  end,

  POST = function(env, reply, _, sid)
    local room = queues.find(env, sid)
    if not room then return reply:missing() end
    local name, limit = queues.read(reply:form())
    if name and name ~= room.name and not queue.rename(env.rooms, sid, name) then
      queues.taken(name)
    end
    env.rooms:set(sid, { limit = limit, changed = task.time() })
    queues.keep(env, sid)
    reply:json(200, queues.shape(env, sid))
  end,

  DELETE = function(env, reply, _, sid)
    local room = queues.find(env, sid)
    if not room then return reply:missing() end
    if room.count > 0 then
      form.fault(22002, ("%d calls are in the queue: only an empty one is deleted"):format(
        room.count))
    end
    env.rooms:shut(sid)
    env.store:remove("queue", sid)
    reply:nothing()
  end,
}

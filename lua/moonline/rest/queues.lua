-- All queues: listed, and made before somebody waits in them.

local form = require "moonline.rest.parts.form"
local page = require "moonline.rest.parts.page"
local queue = require "moonline.room.queue"
local queues = require "moonline.rest.parts.queue"
local task = require "moonline.core.task"

return {
  account = { "/Queues" },

  GET = function(env, reply)
    page.reply(reply, reply:form(), "queues", env.rooms:list "queue",
      function(sid) return queues.shape(env, sid) end)
  end,

  POST = function(env, reply)
    local name, limit = queues.read(reply:form())
    if not name then form.fault(20001, "FriendlyName is expected: the name of the queue") end
    local now = task.time()
    local sid = queue.make(env.rooms, name,
      { limit = limit or queue.most, created = now, changed = now })
    if not sid then queues.taken(name) end
    queues.keep(env, sid)
    reply:json(201, queues.shape(env, sid))
  end,
}

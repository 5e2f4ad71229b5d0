-- Those who wait in a queue; by CallSid, or "Front": the first. One of them is sent on to a document.

local date = require "moonline.rest.parts.date"
local form = require "moonline.rest.parts.form"
local page = require "moonline.rest.parts.page"
local queue = require "moonline.room.queue"
local queues = require "moonline.rest.parts.queue"
local task = require "moonline.core.task"

local function shape(env, sid, waiting, place)
  local call = waiting[place]
  local entered = tonumber(env.rooms:member(sid, call, "entered"))
  return {
    queue_sid = sid, call_sid = call, position = place, date_enqueued = date(entered),
    wait_time = math.floor(task.time() - entered),
    uri = ("/2010-04-01/Accounts/%s/Queues/%s/Members/%s.json"):format(env.config.account_sid, sid,
      call),
  }
end

local function place_of(waiting, who)
  if who == "Front" then return waiting[1] and 1 end
  for place, call in ipairs(waiting) do
    if call == who then return place end
  end
  return nil
end

return {
  account = {
    "/Queues/(QU%x+)/Members", "/Queues/(QU%x+)/Members/(CA%x+)", "/Queues/(QU%x+)/Members/(Front)",
  },

  GET = function(env, reply, _, sid, who)
    if not queues.find(env, sid) then return reply:missing() end
    local waiting = queue.waiting(env.rooms, sid)
    if who then
      local place = place_of(waiting, who)
      if not place then return reply:missing() end
      return reply:json(200, shape(env, sid, waiting, place))
    end
    local places = {}
    for place in ipairs(waiting) do places[place] = place end
    page.reply(reply, reply:form(), "queue_members", places,
      function(place) return shape(env, sid, waiting, place) end)
  end,

  POST = function(env, reply, _, sid, who)
    local waiting = queue.waiting(env.rooms, sid)
    local place = who and place_of(waiting, who)
    if not place then return reply:missing() end
    local given = reply:form()
    local url, method = given:url "Url", given:method "Method"
    if not url then form.fault(21205, "Url is expected: what the call does when it has left") end
    local one = shape(env, sid, waiting, place)
    if not queue.dequeue(env.rooms, sid, one.call_sid, url, method) then return reply:missing() end
    reply:json(200, one)
  end,
}

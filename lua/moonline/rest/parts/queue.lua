-- A queue as JSON, and where it is kept.

local date = require "moonline.rest.parts.date"
local form = require "moonline.rest.parts.form"
local queue = require "moonline.room.queue"
local task = require "moonline.core.task"

local queues = {}

local LONGEST <const>, MOST <const> = 64, 5000 -- characters of a name; callers

---@param given moonline.Form
---@return string? name
---@return integer? limit
function queues.read(given)
  local name = given:text "FriendlyName"
  if name and (utf8.len(name) or #name) > LONGEST then
    form.fault(20001, ("FriendlyName: at most %d characters are expected"):format(LONGEST))
  end
  return name, given:integer("MaxSize", 1, MOST, 20001)
end

function queues.taken(name)
  form.fault(22003, ("FriendlyName=%s: there is a queue of that name"):format(name))
end

---What there is after a restart.
---@param env moonline.Env
---@param sid string
function queues.keep(env, sid)
  local room = env.rooms:get(sid)
  env.store:put("queue", {
    sid = sid, name = room.name, max = math.tointeger(tonumber(room.limit)) or queue.most,
    created = tonumber(room.created), changed = tonumber(room.changed) or tonumber(room.created),
  })
end

---@param env moonline.Env
---@param sid string
---@return table? room nil: there is none of that sid
function queues.find(env, sid)
  local room = env.rooms:get(sid)
  return room and room.kind == "queue" and room or nil
end

---@param env moonline.Env
---@param sid string
---@return table
function queues.shape(env, sid)
  local room, waiting = env.rooms:get(sid), queue.waiting(env.rooms, sid)
  local waited = 0
  for _, call in ipairs(waiting) do
    waited = waited + task.time() - tonumber(env.rooms:member(sid, call, "entered"))
  end
  local uri = ("/2010-04-01/Accounts/%s/Queues/%s"):format(env.config.account_sid, sid)
  return {
    sid = sid, account_sid = env.config.account_sid, friendly_name = room.name,
    max_size = math.tointeger(tonumber(room.limit or room.max)) or queue.most,
    current_size = #waiting, average_wait_time = math.floor(waited / math.max(1, #waiting)),
    date_created = date(room.created), date_updated = date(room.changed or room.created),
    uri = uri .. ".json", subresource_uris = { members = uri .. "/Members.json" },
  }
end

return queues

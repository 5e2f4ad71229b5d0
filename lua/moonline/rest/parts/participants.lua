-- Participants of a conference as the house knows them: those who are in it, and calls on their way.

local host = require "moonline.room.host"

local participants = {}

---@class moonline.RestParticipant
---@field call string CallSid
---@field conference string
---@field status "queued"|"connecting"|"ringing"|"connected"
---@field fields table as in the room; of an invited call its label

local STATUSES = {
  queued = "queued", initiated = "connecting", ringing = "ringing", ["in-progress"] = "connected",
}

local function member(env, sid, call)
  local fields = env.rooms:member(sid, call)
  return fields and { call = call, conference = sid, status = "connected", fields = fields }
end

-- Calls that were placed to join and have not yet.
local function invited(env, sid)
  local list = {}
  for name, label in pairs(env.rooms:get(sid) or {}) do
    local call = name:sub(1, #host.invitation) == host.invitation and name:sub(#host.invitation + 1)
    local status = call and STATUSES[(env.store:get("call", call) or {}).status]
    if status then
      list[#list + 1] = { call = call, conference = sid, status = status,
        fields = { label = label ~= "" and label or nil } }
    end
  end
  table.sort(list, function(a, b) return a.call < b.call end)
  return list
end

---Of one that is over: none.
---@param env moonline.Env
---@param sid string of the conference
---@return moonline.RestParticipant[] first come first
function participants.list(env, sid)
  local list = {}
  for _, call in ipairs(env.rooms:members(sid)) do list[#list + 1] = member(env, sid, call) end
  for _, one in ipairs(invited(env, sid)) do list[#list + 1] = one end
  return list
end

---@param env moonline.Env
---@param sid string of the conference
---@param who string CallSid, or a label
---@return moonline.RestParticipant?
function participants.find(env, sid, who)
  for _, one in ipairs(participants.list(env, sid)) do
    if one.call == who or one.fields.label == who then return one end
  end
  return nil
end

return participants

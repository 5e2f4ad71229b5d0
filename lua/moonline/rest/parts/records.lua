-- What is known of calls: those that live and those that are over.

local records = {}

---@param env moonline.Env
---@param sid string
---@return table? fields
function records.call(env, sid)
  return env.calls:get(sid)
end

---Newest first.
---@param env moonline.Env
---@param query moonline.Form filters
---@param first integer from 0
---@param most integer
---@return table[] each with sid
function records.calls(env, query, first, most)
  local list, sids = {}, env.calls:list()
  for i = #sids, 1, -1 do
    local fields = env.calls:get(sids[i])
    local fits = (not query:text "Status" or query:text "Status" == fields.status)
      and (not query:text "To" or query:text "To" == fields.to)
      and (not query:text "From" or query:text "From" == fields.from)
      and (not query:text "ParentCallSid" or query:text "ParentCallSid" == fields.parent)
    if fits then
      fields.sid = sids[i]
      list[#list + 1] = fields
    end
  end
  return table.move(list, first + 1, math.min(#list, first + most), 1, {})
end

---@param env moonline.Env
---@param sid string
function records.delete_call(env, sid)
  env.calls:remove(sid)
end

return records

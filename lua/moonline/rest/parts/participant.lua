-- A participant of a conference as JSON.

local date = require "moonline.rest.parts.date"
local json = require "dkjson"

---@param config table
---@param one moonline.RestParticipant
---@return table
return function(config, one)
  local own = one.fields
  return {
    account_sid = config.account_sid, call_sid = one.call, conference_sid = one.conference,
    label = own.label or json.null, status = one.status, queue_time = "0",
    muted = own.muted ~= nil, hold = own.hold ~= nil, coaching = own.coach ~= nil,
    call_sid_to_coach = own.coach or json.null,
    start_conference_on_enter = own.start_on_enter ~= nil,
    end_conference_on_exit = own.end_on_exit ~= nil,
    date_created = date(own.joined), date_updated = date(own.changed or own.joined),
    uri = ("/2010-04-01/Accounts/%s/Conferences/%s/Participants/%s.json"):format(
      config.account_sid, one.conference, one.call),
  }
end

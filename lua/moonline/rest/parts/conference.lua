-- A conference as JSON.

local date = require "moonline.rest.parts.date"
local json = require "dkjson"

---@param config table
---@param fields table the record of the store
---@return table
return function(config, fields)
  local uri = ("/2010-04-01/Accounts/%s/Conferences/%s"):format(config.account_sid, fields.sid)
  return {
    sid = fields.sid, account_sid = config.account_sid, friendly_name = fields.name,
    status = fields.status, region = "us1", api_version = "2010-04-01",
    date_created = date(fields.created), date_updated = date(fields.changed),
    reason_conference_ended = fields.reason or json.null,
    call_sid_ending_conference = fields.ender or json.null, uri = uri .. ".json",
    subresource_uris = {
      participants = uri .. "/Participants.json", recordings = uri .. "/Recordings.json",
    },
  }
end

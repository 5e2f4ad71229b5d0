-- A recording as JSON.

local json = require "dkjson"
local params = require "moonline.webhook.params"

local NULL = json.null

---@param config table
---@param fields table the record of the store
---@return table
return function(config, fields)
  local account = "/2010-04-01/Accounts/" .. config.account_sid
  local uri = ("%s/Recordings/%s"):format(account, fields.sid)
  local created = fields.created and params.date(fields.created) or NULL
  return {
    sid = fields.sid, account_sid = config.account_sid, call_sid = fields.call or NULL,
    conference_sid = fields.conference or NULL, api_version = "2010-04-01",
    date_created = created,
    date_updated = fields.changed and params.date(fields.changed) or created,
    start_time = fields.start and params.date(fields.start) or NULL,
    duration = fields.duration and tostring(math.floor(fields.duration + 0.5)) or NULL,
    status = fields.status, channels = fields.channels or 1, source = fields.source or NULL,
    error_code = fields.error_code or NULL, track = fields.track or NULL,
    price = NULL, price_unit = "USD", encryption_details = NULL, media_url = uri,
    uri = uri .. ".json",
    subresource_uris = {
      transcriptions = uri .. "/Transcriptions.json", add_on_results = uri .. "/AddOnResults.json",
    },
  }
end

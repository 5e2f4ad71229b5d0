-- A call as JSON: the shape that Twilio's libraries read.

local json = require "dkjson"
local params = require "moonline.webhook.params"

local NULL = json.null
local SUBRESOURCES = { "Events", "Notifications", "Payments", "Recordings", "Siprec", "Streams" }

local function date(seconds)
  return seconds and params.date(seconds) or NULL
end

---@param config table
---@param fields table the record of the store
---@return table
return function(config, fields)
  local uri = ("/2010-04-01/Accounts/%s/Calls/%s"):format(config.account_sid, fields.sid)
  local below = {}
  for _, name in ipairs(SUBRESOURCES) do below[name:lower()] = ("%s/%s.json"):format(uri, name) end
  return {
    sid = fields.sid, account_sid = config.account_sid, parent_call_sid = fields.parent or NULL,
    date_created = date(fields.start), date_updated = date(fields.changed or fields.start),
    from = fields.from or NULL, from_formatted = fields.from or NULL,
    to = fields.to or NULL, to_formatted = fields.to or NULL,
    status = fields.status, direction = fields.direction or NULL, api_version = "2010-04-01",
    start_time = date(fields.answered or fields.start), end_time = date(fields.finish),
    duration = fields.duration and tostring(math.floor(fields.duration)) or NULL,
    forwarded_from = fields.forwarded_from or NULL, caller_name = fields.caller_name or NULL,
    answered_by = NULL, group_sid = NULL, phone_number_sid = NULL, trunk_sid = NULL,
    price = NULL, price_unit = "USD", queue_time = "0", annotation = NULL,
    uri = uri .. ".json", subresource_uris = below,
  }
end

-- Notifications: our numbered warnings and errors, of the account and of one call.

local json = require "dkjson"
local params = require "moonline.webhook.params"
local records = require "moonline.rest.parts.records"

local function shape(config, fields)
  local date = params.date(fields.time)
  return {
    sid = fields.sid, account_sid = config.account_sid, call_sid = fields.call or json.null,
    api_version = "2010-04-01", date_created = date, date_updated = date, message_date = date,
    error_code = fields.code and ("%d"):format(fields.code) or json.null,
    log = fields.level, message_text = fields.text,
    more_info = fields.code and ("https://www.twilio.com/docs/errors/%d"):format(fields.code)
      or json.null,
    request_method = fields.method or json.null, request_url = fields.url or json.null,
    request_variables = "", response_headers = "", response_body = "",
    uri = ("/2010-04-01/Accounts/%s/Notifications/%s.json"):format(config.account_sid, fields.sid),
  }
end

return {
  account = {
    "/Notifications", "/Calls/(CA%x+)/Notifications", "/Notifications/(NO%x+)",
    "/Calls/CA%x+/Notifications/(NO%x+)",
  },

  GET = function(env, reply, _, sid)
    if sid and sid:match("^NO") then
      local fields = records.get(env, "notification", sid)
      if not fields then return reply:missing() end
      return reply:json(200, shape(env.config, fields))
    end
    local query, where = reply:form(), {}
    if sid and not records.get(env, "call", sid) then return reply:missing() end
    if sid then where[1] = { "call", "=", sid } end
    records.equal(where, query, { Log = "level" })
    records.time(where, query, "MessageDate", "time")
    records.reply(env, reply, query,
      { kind = "notification", name = "notifications", where = where, shape = shape })
  end,
}

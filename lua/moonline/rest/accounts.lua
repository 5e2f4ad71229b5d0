-- The account, of which there is one.

local json = require "dkjson"

return {
  account = { "" },

  GET = function(env, reply)
    local sid = env.config.account_sid
    local uri, below = "/2010-04-01/Accounts/" .. sid, {}
    for _, name in ipairs { "Calls", "Conferences", "Notifications", "Queues", "Recordings" } do
      below[name:lower()] = ("%s/%s.json"):format(uri, name)
    end
    reply:json(200, {
      sid = sid, owner_account_sid = sid, friendly_name = "moonline", status = "active",
      type = "Full", auth_token = json.null, date_created = json.null, date_updated = json.null,
      uri = uri .. ".json", subresource_uris = below,
    })
  end,
}

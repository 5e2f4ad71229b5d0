-- The account, of which there is one.

local date = require "moonline.rest.parts.date"
local json = require "dkjson"
local page = require "moonline.rest.parts.page"

local function shape(env)
  local sid = env.config.account_sid
  local uri, below = "/2010-04-01/Accounts/" .. sid, {}
  for _, name in ipairs { "Calls", "Conferences", "Notifications", "Queues", "Recordings" } do
    below[name:lower()] = ("%s/%s.json"):format(uri, name)
  end
  return {
    sid = sid, owner_account_sid = sid, friendly_name = "moonline", status = "active",
    type = "Full", auth_token = json.null, date_created = date(nil), date_updated = date(nil),
    uri = uri .. ".json", subresource_uris = below,
  }
end

return {
  account = { "" },
  paths = { "^/2010%-04%-01/Accounts()%.json$", "^/2010%-04%-01/Accounts()$" },

  GET = function(env, reply)
    if reply.info.path:match("/AC%x+[^/]*$") then return reply:json(200, shape(env)) end
    page.reply(reply, reply:form(), "accounts", { env }, shape)
  end,
}

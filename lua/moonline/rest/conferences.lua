-- All conferences, those that have ended, too.

local records = require "moonline.rest.parts.records"
local shape = require "moonline.rest.parts.conference"

return {
  account = { "/Conferences" },

  GET = function(env, reply)
    local query, where = reply:form(), {}
    query:choice("Status", { "init", "in-progress", "completed" }, 20001)
    records.equal(where, query, { Status = "status", FriendlyName = "name" })
    records.time(where, query, "DateCreated", "created")
    records.time(where, query, "DateUpdated", "changed")
    records.reply(env, reply, query,
      { kind = "conference", name = "conferences", where = where, shape = shape })
  end,
}

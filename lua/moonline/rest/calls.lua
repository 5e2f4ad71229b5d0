-- All calls: listed, and placed.

local form = require "moonline.rest.parts.form"
local order = require "moonline.rest.parts.order"
local outbound = require "moonline.outbound"
local records = require "moonline.rest.parts.records"
local scripts = require "moonline.scripts"
local shape = require "moonline.rest.parts.call"

local STATUSES = {
  "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer",
  "canceled",
}
-- Not of Twilio's API: the path of a Lua script, on the server's machine.
local function script(given)
  local path = given:text "Script"
  if not path then return nil end
  local ok, loaded = pcall(scripts.load, path)
  if not ok then form.fault(21205, "Script: " .. tostring(loaded)) end
  return loaded
end

local function wanted(given)
  local one = order.document(given)
  order.place(given, one)
  one.script = script(given)
  if not (one.url or one.twiml or one.script) then
    form.fault(21205, "one of Url and Twiml is expected: what the call does when it is answered")
  end
  if one.url then one.twiml = nil end
  one.send_digits = given:text "SendDigits"
  if one.send_digits and not one.send_digits:match("^[%dA-D#*wW]+$") then
    form.fault(21206, "SendDigits: 0-9 A-D # * w and W are allowed")
  end
  return one
end

return {
  account = { "/Calls" },

  GET = function(env, reply)
    local query, where = reply:form(), {}
    query:choice("Status", STATUSES, 20001)
    records.equal(where, query,
      { To = "to", From = "from", ParentCallSid = "parent", Status = "status" })
    records.time(where, query, "StartTime", "start")
    records.time(where, query, "EndTime", "finish")
    records.reply(env, reply, query,
      { kind = "call", name = "calls", where = where, shape = shape })
  end,

  POST = function(env, reply)
    local sid, code, message = outbound.place(env, wanted(reply:form()))
    if not sid then form.fault(code, message) end
    local fields = records.expect(env, "call", sid)
    fields.status = "queued" -- as it was when it was asked for
    reply:json(201, shape(env.config, fields))
  end,
}

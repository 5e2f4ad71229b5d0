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
local AMD = "^MachineDetection"

-- What is recorded, nil when nothing is.
local function recording(given)
  if not given:flag "Record" then return nil end
  local events = {}
  for _, name in ipairs(given:all "RecordingStatusCallbackEvent" or { "completed" }) do
    for word in name:gmatch "[^%s,]+" do events[word] = true end
  end
  return {
    dual = given:choice("RecordingChannels", { "mono", "dual" }, 21250) == "dual",
    trim = given:choice("Trim", { "trim-silence", "do-not-trim" }, 21250) ~= "do-not-trim",
    callback = {
      url = given:url "RecordingStatusCallback", events = events,
      method = given:method "RecordingStatusCallbackMethod" or "POST",
    },
  }
end

-- Not of Twilio's API: the path of a Lua script, on the server's machine.
local function script(given)
  local path = given:text "Script"
  if not path then return nil end
  local ok, loaded = pcall(scripts.load, path)
  if not ok then form.fault(21205, "Script: " .. tostring(loaded)) end
  return loaded
end

local function destination(given)
  local to, from = given:text "To", given:text "From"
  if not to then form.fault(21201, "To is expected: whom to call, such as sip:kate@example.com") end
  if not from then form.fault(21213, "From is expected: the caller's name or SIP URI") end
  local user = from:match("^sips?:([^@;?]+)") or from:match("^client:(.+)$") or from
  if not user:match("^[%w+%-_.]+$") then
    form.fault(21212, ("From=%s: letters, digits and +-_. are allowed"):format(from))
  end
  return to, user
end

local function wanted(given)
  local one = order.document(given)
  one.to, one.from = destination(given)
  one.script = script(given)
  if not (one.url or one.twiml or one.script) then
    form.fault(21205, "one of Url and Twiml is expected: what the call does when it is answered")
  end
  if one.url then one.twiml = nil end
  order.callbacks(given, one)
  one.timeout = given:integer("Timeout", 1, 600, 21208)
  one.time_limit = given:integer("TimeLimit", 1, 14400, 21208)
  one.username, one.password = given:text "SipAuthUsername", given:text "SipAuthPassword"
  one.send_digits = given:text "SendDigits"
  if one.send_digits and not one.send_digits:match("^[%dA-D#*wW]+$") then
    form.fault(21206, "SendDigits: 0-9 A-D # * w and W are allowed")
  end
  one.record = recording(given)
  for _, pair in ipairs(given.list) do
    if pair[1]:match(AMD) then one.unsupported = pair[1] end
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
    local fields = records.get(env, "call", sid)
    if not fields then form.fault(20500, "the call has no record", 500) end
    fields.status = "queued" -- as it was when it was asked for
    reply:json(201, shape(env.config, fields))
  end,
}

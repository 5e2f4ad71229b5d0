-- Form parameters that tell a call what to do, when it is placed and when it is redirected, and what is
-- recorded of it.

local form = require "moonline.rest.parts.form"

local order = {}

local LONGEST = 4000 -- characters of a document in a form
local EVENTS = { "initiated", "ringing", "answered", "completed" }
local RECORDING_EVENTS = { "in-progress", "completed", "absent" }
local AMD = "^MachineDetection"

---Words of a parameter that are blank separated, or repeated, or both; nil: it is absent.
---@param given moonline.Form
---@param name string
---@param allowed string[]
---@param code integer
---@return string[]?
function order.words(given, name, allowed, code)
  local list = given:all(name)
  local known, found = {}, {}
  for _, word in ipairs(allowed) do known[word] = true end
  for _, text in ipairs(list or {}) do
    for word in text:gmatch("[^%s,]+") do
      if not known[word] then
        form.fault(code, ("%s=%s: %s are allowed"):format(name, word, table.concat(allowed, ", ")))
      end
      found[#found + 1] = word
    end
  end
  return list and found
end

---Where the events of a recording go.
---@param given moonline.Form
---@param prefix string? of the parameters' names
---@return { url: string?, method: string, events: table<string, boolean> }
function order.recording_callback(given, prefix)
  local name = (prefix or "") .. "RecordingStatusCallback"
  local events = {}
  local words = order.words(given, name .. "Event", RECORDING_EVENTS, 21626)
  for _, word in ipairs(words or { "completed" }) do events[word] = true end
  return { url = given:url(name), method = given:method(name .. "Method") or "POST",
    events = events }
end

---How a call is recorded: options of moonline.recording.
---@param given moonline.Form
---@param source string RecordingSource
---@param trim boolean? when the form does not say
---@return moonline.RecordingOptions
function order.recording(given, source, trim)
  local track = given:choice("RecordingTrack", { "both", "inbound", "outbound" }, 21250) or "both"
  local channels = given:choice("RecordingChannels", { "mono", "dual" }, 21250)
  local cut = given:choice("Trim", { "trim-silence", "do-not-trim" }, 21250)
  if cut then trim = cut == "trim-silence" end
  return {
    source = source, track = track, dual = channels == "dual" and track == "both",
    trim = trim or false, callback = order.recording_callback(given),
  }
end

---The document: url or twiml, with its method and fallback.
---@param given moonline.Form
---@return table
function order.document(given)
  local twiml = given:text "Twiml"
  if twiml and #twiml > LONGEST then
    form.fault(21628, ("Twiml has %d characters, at most %d are allowed"):format(#twiml, LONGEST))
  end
  return {
    url = given:url "Url", method = given:method "Method", twiml = twiml,
    fallback_url = given:url "FallbackUrl", fallback_method = given:method "FallbackMethod",
  }
end

local function parties(given)
  local to, from = given:text "To", given:text "From"
  if not to then form.fault(21201, "To is expected: whom to call, such as sip:kate@example.com") end
  if not from then form.fault(21213, "From is expected: the caller's name or SIP URI") end
  local who = given:text "CallerId" or from
  local user = who:match("^sips?:([^@;?]+)") or who:match("^client:(.+)$") or who
  if not user:match("^[%w+%-_.]+$") then
    form.fault(21212, ("From=%s: letters, digits and +-_. are allowed"):format(who))
  end
  return to, user
end

---Adds what a call that is placed needs besides a document: whom, as whom, how long, and who is told.
---@param given moonline.Form
---@param into moonline.CallOrder
function order.place(given, into)
  into.to, into.from = parties(given)
  into.status_callback = given:url "StatusCallback"
  into.status_callback_method = given:method "StatusCallbackMethod"
  into.status_callback_event = order.words(given, "StatusCallbackEvent", EVENTS, 21626)
  into.timeout = given:integer("Timeout", 1, 600, 21208)
  into.time_limit = given:integer("TimeLimit", 1, 14400, 21208)
  into.username, into.password = given:text "SipAuthUsername", given:text "SipAuthPassword"
  if given:flag "Record" then into.record = order.recording(given, "OutboundAPI", true) end
  for _, pair in ipairs(given.list) do
    if pair[1]:match(AMD) then into.unsupported = pair[1] end
  end
end

return order

-- Form parameters that tell a call what to do, when it is placed and when it is redirected.

local form = require "moonline.rest.parts.form"

local order = {}

local LONGEST = 4000 -- characters of a document in a form
local EVENTS = { initiated = true, ringing = true, answered = true, completed = true }

-- Blank separated, or repeated, or both.
local function events(given)
  local list = given:all "StatusCallbackEvent"
  local found = {}
  for _, text in ipairs(list or {}) do
    for word in text:gmatch("[^%s,]+") do
      if not EVENTS[word] then
        form.fault(21626, ("StatusCallbackEvent=%s: initiated, ringing, answered or completed")
          :format(word))
      end
      found[#found + 1] = word
    end
  end
  return list and found
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

---Where to tell how it goes on.
---@param given moonline.Form
---@param into table
function order.callbacks(given, into)
  into.status_callback = given:url "StatusCallback"
  into.status_callback_method = given:method "StatusCallbackMethod"
  into.status_callback_event = events(given)
end

return order

-- What a dialled leg came to: final response -> DialCallStatus. Override with dial.outcomes.

local outcome = {}

---SIP code -> status. What is not named here: failed.
---@type table<integer, string>
outcome.statuses = {
  [486] = "busy", [600] = "busy", [603] = "busy",
  [408] = "no-answer", [480] = "no-answer",
}

-- Causes that leave no INVITE on its way.
local UNSENT = { dns = true, tls = true }

---@param event moonline.Event how the leg ended: failed, ended ...
---@param stopped string? why we ended it before it was answered: "no-answer", "canceled"
---@param overrides table<integer, string>?
---@param sent boolean? did an INVITE leave? Default: yes
---@return string status DialCallStatus
---@return integer? code DialSipResponseCode: the one received, 408 when none came, nil when nothing
---  was sent
function outcome.of(event, stopped, overrides, sent)
  if event.kind == "ended" then return stopped or "completed", 200 end
  local code = event.code and event.code > 0 and event.code or nil
  if event.cause == "sdp" then code = 200 end -- answered, with a description we cannot use
  if not code and sent ~= false and not UNSENT[event.cause] then code = 408 end
  if event.cause == "response" and not stopped then
    return overrides and overrides[code] or outcome.statuses[code] or "failed", code
  end
  return stopped or "failed", code
end

---Code an unanswered caller gets after this dial failed: the callee's own. Those that would make the
---caller's side act (try again, go elsewhere) become 480; 404 when no INVITE was sent.
---@param code integer?
---@return integer
function outcome.refusal(code)
  if not code then return 404 end
  if code == 401 or code == 407 or code == 408 or code < 400 then return 480 end
  return code
end

return outcome

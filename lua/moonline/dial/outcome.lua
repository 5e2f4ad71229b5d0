-- What a dialled leg came to: final response -> DialCallStatus. Override with dial.outcomes.

local outcome = {}

---SIP code -> status. What is not named here: failed.
---@type table<integer, string>
outcome.statuses = {
  [486] = "busy", [600] = "busy", [603] = "busy",
  [408] = "no-answer", [480] = "no-answer",
}

---@param event moonline.Event how the leg ended: failed, ended ...
---@param stopped string? why we ended it before it was answered: "no-answer", "canceled"
---@param overrides table<integer, string>?
---@return string status DialCallStatus
---@return integer? code DialSipResponseCode: the one received, 408 when none came
function outcome.of(event, stopped, overrides)
  if event.kind == "ended" then return stopped or "completed", 200 end
  local code = event.code and event.code > 0 and event.code or nil
  if stopped then return stopped, code or 408 end
  if event.cause == "response" then
    return overrides and overrides[code] or outcome.statuses[code] or "failed", code
  end
  return "failed", code or (event.cause == "timeout" and 408 or nil)
end

---Code an unanswered caller gets after this dial failed (design rule: 401, 407, 3xx, 408 are 480).
---@param code integer?
---@return integer
function outcome.refusal(code)
  if not code then return 404 end
  if code == 401 or code == 407 or code == 408 or code == 487 or code < 400 then return 480 end
  return code
end

return outcome

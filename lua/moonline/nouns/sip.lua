-- <Sip username password url method statusCallback...>URI</Sip> in a Dial: one SIP party to call.

local uri = require "moonline.dial.uri"

local sip = {
  name = "Sip",
  attrs = {
    username = { "text", max = 255, code = 13249 },
    password = { "text", max = 255, code = 13249 },
    url = { "url", code = 11100 },
    method = { "method", default = "POST", code = 13241 },
    statusCallback = { "url", code = 11100 },
    statusCallbackMethod = { "method", default = "POST" },
    statusCallbackEvent = {
      "list", default = { "completed" },
      values = { "initiated", "ringing", "answered", "completed" },
    },
    amdStatusCallback = { "url", unsupported = true },
    amdStatusCallbackMethod = { "method", unsupported = true },
    machineDetection = { "text", unsupported = true },
    machineDetectionSilenceTimeout = { "integer", unsupported = true },
    machineDetectionSpeechEndThreshold = { "integer", unsupported = true },
    machineDetectionSpeechThreshold = { "integer", unsupported = true },
    machineDetectionTimeout = { "integer", unsupported = true },
  },
  text = true,
}

local function read(node, options)
  local plan, code, message = uri.parse(node.text, options)
  if not plan then return nil, code, message end
  local a = node.attrs
  plan.username, plan.password = a.username, a.password
  plan.url, plan.method = a.url, a.method
  plan.status_callback = a.statusCallback
  plan.status_callback_event = a.statusCallbackEvent
  plan.status_callback_method = a.statusCallbackMethod
  return plan
end

-- All that is wrong with the URI is told here, when the document is checked.
function sip.check(node, report, options)
  local plan, code, message = read(node, options)
  if not plan then
    node.fault = { code = code, message = message }
    return report(code, node, message)
  end
  node.plan = plan -- nobody changes it: a document may be run by many calls
  for _, warning in ipairs(plan.warnings) do report(warning.code, node, warning.message) end
end

---Whom to call and how; nil, code and message when it cannot be called: both that and the warnings
---in the target were reported when the document was checked.
---@param _ moonline.Session
---@param node moonline.Node
---@return moonline.SipTarget?, integer? code, string? message
function sip.target(_, node)
  if node.plan then return node.plan end
  return nil, node.fault.code, node.fault.message
end

return sip

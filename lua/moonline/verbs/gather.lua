-- <Gather>: collects keys, while the sounds inside play, and posts them to action.

local gather = {
  name = "Gather",
  attrs = {
    input = {
      "list", default = { "dtmf" }, values = { "dtmf", "speech" }, unsupported = { "speech" },
      code = 13326,
    },
    action = { "url", code = 11100 },
    method = { "method", default = "POST", code = 13312 },
    timeout = { "integer", default = 5, min = 1, max = 3600, code = 13313 },
    finishOnKey = { "key", default = "#", code = 13311 },
    numDigits = { "integer", min = 1, max = 1000, code = 13314 },
    actionOnEmptyResult = { "boolean", default = false, code = 13338 },
    bargeIn = { "boolean", unsupported = true },
    debug = { "boolean", unsupported = true },
    enhanced = { "boolean", unsupported = true },
    hints = { "text", unsupported = true },
    language = { "language", unsupported = true },
    maxSpeechTime = { "integer", unsupported = true },
    partialResultCallback = { "url", unsupported = true },
    partialResultCallbackMethod = { "method", unsupported = true },
    profanityFilter = { "boolean", unsupported = true },
    speechModel = { "text", unsupported = true },
    speechTimeout = { "text", unsupported = true },
  },
  children = "sounds",
  child_code = 13320,
}

function gather.check(node, report)
  for _, child in ipairs(node.children) do
    if child.name == "Play" and child.attrs.digits then
      report(13320, child, "<Play digits> cannot be in a <Gather>")
      child.fault = { code = 13320, message = "digits in a Gather" }
      child.attrs.digits = nil
    end
  end
end

local function prompts(session, node)
  local list = {}
  for _, child in ipairs(node.children) do list[#list + 1] = session:source(child) end
  return #list > 0 and list or nil
end

function gather.run(session, node)
  local a = node.attrs
  local digits, why, collected = session.call:gather {
    play = prompts(session, node),
    timeout = a.timeout,
    digits = a.numDigits,
    finish_on_key = a.finishOnKey,
  }
  if why == "hangup" then return end
  digits = digits or collected or ""
  if digits == "" and not a.actionOnEmptyResult then return end
  local params = { Digits = digits ~= "" and digits or nil }
  return session:fetch(a.action or "", params, a.method)
end

return gather

-- What the nouns of Dial that call one party have in common: attributes, and what they come to.

local attrs = {}

local COMMON = {
  url = { "url", code = 11100 },
  statusCallback = { "url", code = 11100 },
  statusCallbackMethod = { "method", default = "POST" },
  statusCallbackEvent = {
    "list", default = { "completed" },
    values = { "initiated", "ringing", "answered", "completed" },
  },
}

---Answering machine detection, which there is none of.
attrs.machine = {
  amdStatusCallback = { "url", unsupported = true },
  amdStatusCallbackMethod = { "method", unsupported = true },
  machineDetection = { "text", unsupported = true },
  machineDetectionSilenceTimeout = { "integer", unsupported = true },
  machineDetectionSpeechEndThreshold = { "integer", unsupported = true },
  machineDetectionSpeechThreshold = { "integer", unsupported = true },
  machineDetectionTimeout = { "integer", unsupported = true },
}

---Attributes of one noun: the common ones, and its own (of several tables).
---@param code integer? of a wrong method
---@return table<string, moonline.AttrSpec>
function attrs.of(code, ...)
  local all = { method = { "method", default = "POST", code = code } }
  for _, some in ipairs { COMMON, ... } do
    for name, spec in pairs(some) do all[name] = spec end
  end
  return all
end

---Adds to a target what the common attributes say.
---@param target table
---@param values table<string, any>
---@return table target
function attrs.apply(target, values)
  target.url, target.method = values.url, values.method
  target.status_callback = values.statusCallback
  target.status_callback_event = values.statusCallbackEvent
  target.status_callback_method = values.statusCallbackMethod
  return target
end

return attrs

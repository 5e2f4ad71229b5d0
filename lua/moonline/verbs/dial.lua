-- <Dial>: calls another party and connects it with this one. What it means is in moonline.dial.

local vocabulary = require "moonline.twiml.vocabulary"

local MOST = 10 -- nouns, where several are allowed

local dial = {
  name = "Dial",
  attrs = {
    action = { "url", code = 11100 },
    method = { "method", default = "POST", code = 13210 },
    timeout = { "integer", default = 30, min = 1, max = 600, code = 13212 },
    timeLimit = { "integer", default = 14400, min = 1, max = 14400, code = 13216 },
    hangupOnStar = { "boolean", default = false, code = 13213 },
    callerId = { "caller_id", max = 255, code = 13214 },
    record = {
      "enum", default = "do-not-record", code = 13217,
      values = {
        "do-not-record", "record-from-answer", "record-from-ringing", "record-from-answer-dual",
        "record-from-ringing-dual",
      },
      aliases = { ["true"] = "record-from-answer", ["false"] = "do-not-record" },
    },
    trim = { "enum", default = "do-not-trim", values = { "trim-silence", "do-not-trim" } },
    recordingStatusCallback = { "url", code = 13256 },
    recordingStatusCallbackMethod = { "method", default = "POST", code = 13256 },
    recordingStatusCallbackEvent = {
      "list", default = { "completed" }, values = { "in-progress", "completed", "absent" },
      code = 13256,
    },
    answerOnBridge = { "boolean", default = false, code = 13219 },
    ringTone = { "enum", values = vocabulary.ring_tones, code = 13220 },
    sequential = { "boolean", default = false, code = 13218 },
    events = { "text", unsupported = true },
    passports = { "text", unsupported = true },
    callReason = { "text", unsupported = true },
    recordingConfigurationId = { "text", unsupported = true },
    recordingTrack = { "enum", values = { "both", "inbound", "outbound" }, unsupported = true },
    referMethod = { "method", unsupported = true },
    referUrl = { "url", unsupported = true },
  },
  text = true,
  children = "nouns",
  child_code = 13215,
  screening = false,
}

local function fault(node, report, code, message)
  report(code, node, message .. "; nothing is dialled")
  node.fault = { code = code, message = message }
end

-- A noun that connects the caller by itself stands alone, however many there may be.
local function is_mixed(node, several)
  if #node.children + #node.dropped < 2 then return nil end
  for _, child in ipairs(node.children) do
    local alone = child.name == "Conference" or child.verb.connect and several
    if alone then return child.name end
  end
  return nil
end

-- How many nouns and of which kind: a Dial that breaks this fails as a whole.
function dial.check(node, report, options)
  local count = #node.children + #node.dropped
  local alone = is_mixed(node, options.several)
  if alone then
    return fault(node, report, alone == "Conference" and 13000 or 13215,
      ("<%s> cannot be mixed with another noun"):format(alone))
  end
  local most = options.several and MOST or 1
  if count > most then
    local alike = true
    for _, child in ipairs(node.children) do alike = alike and child.name == "Sip" end
    alike = alike and #node.dropped == 0
    local message = options.several and ("<Dial> calls at most %d parties"):format(MOST)
      or "<Dial> calls one party (dial.several = true in the configuration allows ten)"
    return fault(node, report, alike and 13250 or 13215, message)
  end
  if #node.dropped > 0 then
    return fault(node, report, 13215, ("<Dial> cannot call a <%s>"):format(node.dropped[1]))
  end
  if count == 0 and node.text ~= "" then
    return fault(node, report, 13224, "<Dial> with a bare number needs <Number>, not supported yet")
  end
  if count == 0 then return fault(node, report, 13215, "<Dial> has nobody to call") end
  if node.text ~= "" then report(13215, node, "text beside a noun in <Dial> is left out") end
end

function dial.run(session, node)
  return require("moonline.dial").run(session, node)
end

return dial

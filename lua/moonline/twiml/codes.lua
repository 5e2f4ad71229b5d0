-- The numbers of Twilio's errors and warnings that this program raises, and what each is about.

local codes = {}

---@class moonline.twiml.Code
---@field level "error"|"warning"
---@field text string

local function errors(list)
  for code, text in pairs(list) do codes[code] = { level = "error", text = text } end
end

local function warnings(list)
  for code, text in pairs(list) do codes[code] = { level = "warning", text = text } end
end

errors {
  [11100] = "not a usable URL",
  [11200] = "the document could not be fetched",
  [11201] = "the web server did not accept a connection in time",
  [11202] = "the web server refused the connection",
  [11203] = "the web server took too long",
  [11205] = "no connection to the web server",
  [11206] = "the web server broke the rules of HTTP",
  [11210] = "the host name does not resolve",
  [11215] = "too many redirects",
  [11216] = "the redirect cannot be followed",
  [11217] = "the web server answered with an error",
  [11220] = "the TLS handshake failed",
  [11235] = "the certificate is for another name",
  [11236] = "the certificate has expired",
  [11237] = "the certificate cannot be verified",
  [11241] = "not an edge to leave from",
  [11243] = "not a retry policy",
  [11750] = "the answer is too big",
  [11770] = "the answer is empty",
  [12100] = "the document is not well-formed XML",
  [12101] = "unknown TwiML version",
  [12102] = "the document does not begin with <Response>",
  [12300] = "the answer has an unusable Content-Type",
  [12400] = "internal failure",
  [13201] = "not allowed while a call is being screened",
  [13224] = "the number cannot be dialled",
  [13247] = "the From of the call cannot be used",
  [13325] = "Gather: the recording's type cannot be played",
  [13338] = "Gather: invalid actionOnEmptyResult",
  [13420] = "Play: the recording's type cannot be played",
  [13621] = "Record: invalid recordingStatusCallback",
  [13231] = "Conference: invalid endConferenceOnExit",
  [13240] = "Conference: nobody to coach",
  [13801] = "Refer works on SIP calls only",
  [13802] = "no referUrl to ask about a transfer",
}

warnings {
  [13000] = "Conference cannot be mixed with other nouns",
  [12200] = "not as TwiML prescribes",
  [13210] = "Dial: invalid method",
  [13212] = "Dial: invalid timeout",
  [13213] = "Dial: invalid hangupOnStar",
  [13214] = "Dial: invalid callerId",
  [13215] = "Dial: invalid nested element",
  [13216] = "Dial: invalid timeLimit",
  [13217] = "Dial: invalid record",
  [13218] = "Dial: invalid sequential",
  [13219] = "Dial: invalid answerOnBridge",
  [13220] = "Dial: invalid ringTone",
  [13230] = "Conference: invalid muted",
  [13232] = "Conference: invalid startConferenceOnEnter",
  [13233] = "Conference: invalid waitUrl",
  [13234] = "Conference: invalid waitMethod",
  [13235] = "Conference: invalid beep",
  [13237] = "Conference: invalid name",
  [13238] = "Conference: invalid verb in the document of waitUrl",
  [13239] = "Conference: invalid maxParticipants, or full",
  [13241] = "Sip: invalid method",
  [13242] = "Sip: invalid sendDigits",
  [13243] = "Sip: invalid URI",
  [13244] = "Sip: the peer wants credentials",
  [13246] = "Sip: dialling SIP is switched off",
  [13248] = "Dial: callerId too long",
  [13249] = "Sip: invalid username or password",
  [13250] = "Dial: too many nouns",
  [13251] = "Sip: too many headers",
  [13252] = "Sip: header refused",
  [13253] = "Sip: headers too long",
  [13254] = "Sip: the host has no usable address",
  [13255] = "Sip: this host may not be dialled",
  [13256] = "Dial: invalid recordingStatusCallback",
  [13310] = "Gather: invalid finishOnKey",
  [13311] = "Gather: invalid finishOnKey",
  [13312] = "Gather: invalid method",
  [13313] = "Gather: invalid timeout",
  [13314] = "Gather: invalid numDigits",
  [13320] = "Gather: invalid nested element",
  [13326] = "Gather: invalid input",
  [13327] = "Gather: invalid speechTimeout",
  [13329] = "Gather: invalid partialResultCallbackMethod",
  [13330] = "Gather: invalid hints",
  [13331] = "Gather: invalid language",
  [13333] = "Gather: invalid profanityFilter",
  [13334] = "Gather: invalid speechModel",
  [13335] = "Gather: speechTimeout=\"auto\" needs a speech model",
  [13410] = "Play: invalid loop",
  [13430] = "Play: invalid digits",
  [13510] = "Say: invalid loop",
  [13511] = "Say: invalid voice",
  [13512] = "Say: invalid language",
  [13520] = "Say: nothing to say",
  [13521] = "Say: too much text",
  [13710] = "Redirect: invalid method",
  [13750] = "not supported",
  [13810] = "Reject: invalid reason",
  [13910] = "Pause: invalid length",
  [14201] = "Enqueue: invalid method",
  [14202] = "Enqueue: invalid waitUrl",
  [14203] = "Enqueue: invalid waitUrlMethod",
  [14204] = "Enqueue: no name",
  [14205] = "Enqueue: the name is too long",
  [14206] = "Enqueue: invalid action",
  [14207] = "Enqueue: the queue is full",
  [14208] = "Enqueue: invalid maxQueueSize",
  [14209] = "Queue: there is no such queue",
  [14210] = "Queue: invalid url",
  [14211] = "Queue: invalid method",
  [14212] = "Enqueue: invalid verb in the document of waitUrl",
  [16025] = "Conference: another participant has that label",
  [32009] = "the dialled user is not registered",
  [32011] = "trouble talking to the SIP peer",
  [32202] = "the SIP peer refused the credentials",
  [32218] = "a transfer is not allowed",
  [32219] = "the SIP peer's redirection cannot be followed",
}

---What a code is about; "" for one we do not know.
---@param code integer
---@return string
function codes.text(code)
  local entry = codes[code]
  return entry and entry.text or ""
end

---@param code integer
---@return "error"|"warning"
function codes.level(code)
  local entry = codes[code]
  return entry and entry.level or "warning"
end

return codes

-- What TwiML Voice consists of, whether this program runs it or not: names for messages only.
-- What is run is found by file (elements.lua); nothing here has to change for a new verb.

local vocabulary = {}

local RESPONSE = { "Response" }
local CONNECT = { "Connect" }
local DIAL = { "Dial" }

---@class moonline.twiml.Word
---@field parents string[] elements it may stand in
---@field screening boolean? false: not in a call screening document

---@type table<string, moonline.twiml.Word>
vocabulary.elements = {
  Response = { parents = {} },
  -- verbs
  Connect = { parents = RESPONSE, screening = false },
  Dial = { parents = RESPONSE, screening = false },
  Echo = { parents = RESPONSE, screening = false },
  Enqueue = { parents = RESPONSE, screening = false },
  Gather = { parents = RESPONSE },
  Hangup = { parents = RESPONSE },
  Leave = { parents = RESPONSE, screening = false },
  Pause = { parents = { "Response", "Gather", "Prompt" } },
  Pay = { parents = RESPONSE },
  Play = { parents = { "Response", "Gather", "Prompt" } },
  Prompt = { parents = { "Response", "Pay" } },
  Queue = { parents = { "Dial", "Response" } },
  Record = { parents = RESPONSE },
  Redirect = { parents = RESPONSE },
  Refer = { parents = RESPONSE, screening = false },
  Reject = { parents = RESPONSE, screening = false },
  Say = { parents = { "Response", "Gather", "Prompt" } },
  Sms = { parents = RESPONSE },
  Start = { parents = RESPONSE },
  Stop = { parents = RESPONSE },
  -- nouns of Dial
  Application = { parents = DIAL },
  Client = { parents = DIAL },
  Conference = { parents = DIAL, screening = false },
  Number = { parents = DIAL },
  Sim = { parents = DIAL },
  Sip = { parents = { "Dial", "Refer" } },
  WhatsApp = { parents = DIAL },
  -- nouns of Connect, Start and Stop
  AiSession = { parents = CONNECT },
  Autopilot = { parents = CONNECT },
  Conversation = { parents = CONNECT },
  ConversationRelay = { parents = CONNECT },
  ConversationRelaySession = { parents = CONNECT },
  Recording = { parents = { "Start", "Stop" } },
  Room = { parents = CONNECT },
  Siprec = { parents = { "Start", "Stop" } },
  Stream = { parents = { "Connect", "Start", "Stop" } },
  Transcription = { parents = { "Start", "Stop" } },
  VirtualAgent = { parents = CONNECT },
  -- parts of nouns
  ApplicationSid = { parents = { "Application" } },
  Config = { parents = { "VirtualAgent" } },
  Header = { parents = { "Headers" } },
  Headers = { parents = { "Sip" } },
  Identity = { parents = { "Client" } },
  Language = { parents = { "ConversationRelay" } },
  Parameter = {
    parents = {
      "Application", "Client", "ConversationRelay", "Hangup", "Pay", "Reject", "Siprec", "Stream",
      "VirtualAgent",
    },
  },
  Task = { parents = { "Enqueue" } },
  Uri = { parents = { "Sip" } },
}

-- What the speech engine reads of say-as; the rest is read as it stands.
local READINGS = { "characters", "spell-out", "digits", "telephone", "cardinal", "number" }
local UNREAD = { "ordinal", "fraction", "unit", "date", "time", "address", "expletive" }

---Speech markup inside Say: element -> attributes.
---@type table<string, table<string, moonline.AttrSpec>>
vocabulary.speech = {
  ["break"] = {
    strength = { "enum", values = { "none", "x-weak", "weak", "medium", "strong", "x-strong" } },
    time = { "duration", max = 10 },
  },
  emphasis = { level = { "enum", values = { "strong", "moderate", "reduced" } } },
  lang = { ["xml:lang"] = { "language" } },
  p = {},
  phoneme = { alphabet = { "text", unsupported = true }, ph = { "text", unsupported = true } },
  prosody = {
    volume = {
      "measure", pattern = "^[+-]%d+%.?%d*dB$", example = "+6dB",
      values = { "silent", "x-soft", "soft", "medium", "loud", "x-loud", "default" },
    },
    rate = {
      "measure", pattern = "^%d+%.?%d*%%$", example = "80%",
      values = { "x-slow", "slow", "medium", "fast", "x-fast", "default" },
    },
    pitch = {
      "measure", pattern = "^[+-]?%d+%.?%d*%%$", example = "+10%",
      values = { "x-low", "low", "medium", "high", "x-high", "default" },
    },
  },
  s = {},
  ["say-as"] = {
    ["interpret-as"] = {
      "enum", values = table.move(UNREAD, 1, #UNREAD, #READINGS + 1, { table.unpack(READINGS) }),
      unsupported = UNREAD,
    },
    format = { "text", unsupported = true },
  },
  sub = { alias = { "text" } },
  w = { role = { "text", unsupported = true } },
}

---Values of ringTone: two letters of a country, and one older tone.
---@type string[]
vocabulary.ring_tones = {
  "at", "au", "bg", "br", "be", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr",
  "hu", "il", "in", "it", "lt", "jp", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "se",
  "sg", "th", "uk", "us", "us-old", "tw", "ve", "za",
}

---Where calls can leave from: value of a SIP URI's region parameter -> place.
---@type table<string, string>
vocabulary.regions = {
  us1 = "North America Virginia",
  us2 = "North America Oregon",
  ie1 = "Europe Ireland",
  de1 = "Europe Frankfurt",
  sg1 = "Asia Pacific Singapore",
  jp1 = "Asia Pacific Tokyo",
  br1 = "South America São Paulo",
  au1 = "Asia Pacific Sydney",
}

return vocabulary

---@meta moonline.core.sip
-- SIP agents and the legs they carry. Mechanism only: nothing here waits; what happens comes as
-- events into a mailbox.

---@class moonline.core.sip
local sip = {}

---@class moonline.Agent
local Agent = {}

---A party one can talk to: an INVITE dialog with its audio.
---Events, each with `leg`: sent{} · ringing{code,early,headers} · answered{code,headers} ·
---refer{code,progress,final,text} · confirmed{} · failed{code,cause,text,headers} · canceled{} · ended{cause,text,headers} ·
---digit{digit,duration} · transfer{text}, refused with 603 · played{op,why,text} ("done", "stopped", "failed") · lost{}.
---headers are the header lines of the message as received, for sip.headers. cause is one of "response", "timeout", "dns",
---"network", "tls", "local", "peer", "no-ack", "session", "gone", "sdp". code is 0 when no response
---came. duration is in seconds.
---@class moonline.CoreLeg
local Leg = {}

---Opens transports. The option `media` is a Media handle, `resolve` a table host -> "address[:port]",
---`users` a table name -> password, `tls` { certificate, key, ca, verify = true },
---`telephone_event` its payload type in our offers (96 to 127, else 101).
---@param options { listen: string[], advertise: string?, tls: table?, allow: string[]?, users: table<string,string>?, session_expires: integer?, user_agent: string?, resolve: table<string,string>?, dns: string?, media: moonline.Media, codecs: string[]?, advertise_media: string?, no_telephone_event: boolean?, telephone_event: integer?, max_calls: integer?, max_lag: integer?, max_connections: integer?, max_per_source: integer?, registrar: boolean?, digest: string[]?, peers: table<string, string>? }
---@return moonline.Agent?, string? why, string? text
function sip.agent(options) end

---The headers of these names as a list of { name, value }, as they came; without names all of them.
---Letter case does not matter, and "X-*" is all that begin so.
---@param lines string? header lines of a message; nil has none
---@param ... string names
---@return string[][]
function sip.headers(lines, ...) end

---Where events {kind="incoming", leg=Leg} go. Without a mailbox every call gets 480.
---@param box moonline.Mailbox?
function Agent:events(box) end

---The real addresses, "udp:127.0.0.1:5060".
---@return string[]
function Agent:addresses() end

---Refuses new calls (and OPTIONS outside a dialog) with this code from now on; nil lets them in.
---@param code integer?
---@param retry_after integer? seconds; a random 5..15 when nil and code is 503
function Agent:admit(code, retry_after) end

---Every message: {kind="message", sent=boolean, transport, local_address, remote, text}. nil ends it.
---@param box moonline.Mailbox?
function Agent:trace(box) end

---Every message is kept in these traces, with the call it belongs to. nil ends it.
---@param traces moonline.Traces?
function Agent:keep(traces) end

---Dials at once. headers is a list of { name, value }; `bind`, `proxy`, `advertise` (host[:port]) and
---`advertise_media` (an IP address, for the SDP) are the egress profile; `box` gets the leg's events.
---@param options { uri: string, from_user: string?, from_display: string?, from_host: string?, headers: string[][]?, username: string?, password: string?, bind: string?, proxy: string?, advertise: string?, advertise_media: string?, hops: string[]?, flow: string?, box: moonline.Mailbox? }
---`hops` are URIs it is sent to instead of where `uri` leads; `flow` is that of a registration.
---@return moonline.CoreLeg?, string? why, string? text
function Agent:dial(options) end

---Who may call in from now on: networks, users with their passwords (and the digest algorithms they are
---asked by, "MD5" and "SHA-256" by default), and peers known by address: numeric address -> name, which
---info() of their calls gives as `trusted`. Phones of users that are gone are not registered any more.
---@param access { allow: string[]?, users: table<string, string>?, digest: string[]?, peers: table<string, string>? }
function Agent:access(access) end

---Phones that are registered, of one user or of all; with the option `registrar` only. expires is in
---seconds; uri and flow are for dial.
---@param user string?
---@return { user: string, uri: string, flow: string, source: string, device: string, expires: integer }[]
function Agent:registered(user) end

---Prepares requests outside dialogs, one at a time: to `uri`, or the URIs `hops` in their order, or back
---over the flow of a registration. aor is From and To. Its events go to the box: response{code, phrase,
---cause, text, headers, peer, contact, hosts}; code is 0 when none came, cause then as for a leg; hosts are
---the numeric addresses that were found.
---@param options { uri: string, aor: string?, hops: string[]?, flow: string?, username: string?, password: string?, bind: string?, advertise: string?, box: moonline.Mailbox? }
---@return moonline.Ask
function Agent:ask(options) end

---@class moonline.Ask
local Ask = {}

---Sends it; one that is under way is given up. Without a method it only looks up where it would go. With
---contact_user a Contact of that user goes along, with expires (seconds) when that is given.
---@param method "REGISTER"|"OPTIONS"|nil
---@param options { contact_user: string?, expires: integer?, headers: string[][]? }?
---@return boolean?, string? why, string? text
function Ask:send(method, options) end

---Lets go of it. Has __close.
function Ask:close() end

---Legs that are not over.
---@return integer
function Agent:legs() end

---Incoming calls that are still wanted: a leg whose BYE is sent does not count. With the option
---max_calls one more gets 503, and with max_lag (ms) any while the loop lags by more than that.
---@return integer
function Agent:calls() end

---Tells all legs to end: BYE, CANCEL or 480, whatever each one's state asks for. The agent stays.
function Agent:hangup() end

---Ends all legs and closes the transports. Has __close.
function Agent:close() end

---Events that came before are delivered first.
---@param box moonline.Mailbox?
function Leg:events(box) end

---headers are the lines of the INVITE received.
---@return { incoming: boolean, call_id: string, from: string, from_display: string, to: string, request_uri: string, transport: string, source_address: string, source_port: integer, local_address: string, username: string?, trusted: string?, headers: string? }
function Leg:info() end

---"calling", "incoming", "up", "leaving", "over"
---@return string
function Leg:state() end

---UAS: 180, or 183 with SDP when early.
---@param early boolean?
---@return boolean?, string? why
function Leg:ring(early) end

---UAS: the 2xx with our SDP.
---@param headers string[][]?
---@return boolean?, string? why
function Leg:answer(headers) end

---UAS: a final refusal, 300..699.
---@param code integer
---@param phrase string?
---@param headers string[][]?
---@return boolean?, string? why
function Leg:reject(code, phrase, headers) end

---CANCEL, BYE or 480, whatever the state asks for; nothing when it is over.
---@param headers string[][]?
function Leg:hangup(headers) end

---Plays { file = path, loops = 1 } | { tone = "350+440/...", ms = 0, level = -13 } |
---{ digits = "12w3" } | { silence = ms }; loops 0 = until stopped. Replaces what plays.
---@param source table
---@return integer? op, string? why
function Leg:play(source) end

---Stops what plays (its played event says "stopped").
function Leg:stop() end

---Each hears the other until unbridge, another bridge, or the end of one.
---@param other moonline.CoreLeg
---@return boolean?, string? why
function Leg:bridge(other) end

function Leg:unbridge() end

---Sends back what the peer says, until unbridge or a bridge.
---@return boolean?, string? why
function Leg:echo() end

---In-dialog INFO with application/dtmf-relay.
---@param digit string
---@param seconds number?
function Leg:info_digit(digit, seconds) end

---Re-INVITE that holds the peer, or takes it back: true is "sendonly"; "address" is c=0.0.0.0.
---@param on boolean|"none"|"sendonly"|"inactive"|"address"
---@return boolean?, string? why
function Leg:hold(on) end

---REFER in the dialog: asks the peer to call target, a URI that may have headers. Events "refer" tell the
---answer (code, 0: none yet), then what the peer says of its call (progress, 0: nothing), the last one
---with final, at the latest after these seconds. None comes when the leg is over first.
---@param target string
---@param seconds number
---@return boolean?, string? why
function Leg:refer(target, seconds) end

---Packet counters of the audio: sent, received, dropped, lost, jitter (seconds), gap (the longest time
---between two received packets since this was last asked, in seconds), ssrc, and of the peer peer_ssrc
---and sources (how often its RTP began anew); nil before there is audio.
---@return table?
function Leg:stats() end

---Hangs up if need be and lets go of it. Closing twice is fine. Has __close.
function Leg:close() end

return sip

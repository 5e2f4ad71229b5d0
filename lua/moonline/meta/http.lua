---@meta moonline.core.http
-- HTTP client and server. Nothing here waits; answers and requests come as events.

---@class moonline.core.http
local http = {}

---@class moonline.HttpClient
local Client = {}
---@class moonline.HttpServer
local Server = {}
---A request that became a WebSocket. Its box gets {kind="message", message, text=boolean} and last
---{kind="closed", why, code, text}: why is "closed" (code is the client's), "lost", "protocol", "silent".
---After 64 messages nothing more is read until took() was called for half of them.
---@class moonline.CoreWebSocket
local WebSocket = {}
---One request waiting for its answer. Unanswered when collected: 500.
---@class moonline.HttpRequest
local Request = {}
---Cookies, kept between the requests that name it.
---@class moonline.Jar
local Jar = {}

---deny and allow are CIDR lists judged on the resolved address, allow wins; resolve maps host ->
---"address[:port]"; ca is a PEM file trusted besides the system's.
---@param options { deny: string[]?, allow: string[]?, resolve: table<string,string>?, dns: string?, ca: string? }
---@return moonline.HttpClient?, string? why, string? text
function http.client(options) end

---@return moonline.Jar
function http.jar() end

---Percent-encoded: letters, digits and -_.~ stay.
---@param text string
---@return string
function http.escape(text) end

---"name=value&...", names and values encoded.
---@param list (string|number)[][] of { name, value }
---@return string
function http.form(list) end

---The names and values of a form one after another, sorted by name, then value, repeated pairs once:
---what X-Twilio-Signature covers of a POST.
---@param list (string|number)[][] of { name, value }
---@return string
function http.signed_form(list) end

---One exchange, redirects not followed. box gets {kind="response", op, status, headers, body} or
---{kind="response", op, failure, text, status, headers}: failure is one of "bad-url", "resolve",
---"connect", "connect-timeout", "timeout", "tls", "certificate", "expired", "wrong-name", "protocol",
---"too-big", "denied", "file"; status is 0 when no answer had begun. Their headers are by lower-case
---name, the first of several; those of the request are "Name: value" lines. Times are seconds. save
---writes the body to that file. With pieces the body of a 2xx answer comes as {kind="piece", op, bytes}
---events, whatever its length, and the last event has none.
---@param request { url: string, method: string?, headers: string[]?, body: string?, connect_timeout: number?, read_timeout: number?, timeout: number?, max_body: integer?, jar: moonline.Jar?, save: string?, pieces: boolean?, no_sni: boolean? }
---@param box moonline.Mailbox
---@return integer op
function Client:fetch(request, box) end
---No event comes any more.
---@param op integer
function Client:cancel(op) end
---Never connect to this listener of ours.
---@param address string
---@param port integer
function Client:refuse_own(address, port) end
---@return integer
function Client:active() end
function Client:close() end

---@param options { address: string?, port: integer?, certificate: string?, key: string?, max_body: integer?, header_timeout: number?, max_connections: integer?, max_per_source: integer? }
---@return moonline.HttpServer?, string? why, string? text
function http.server(options) end
---box gets {kind="request", request=Request}.
---@param box moonline.Mailbox?
function Server:events(box) end
---@return integer
function Server:port() end
---Is an answer on its way that its client does not have in full yet?
---@return boolean
function Server:is_answering() end
function Server:close() end

---@return { method: string, path: string, target: string, query: string, peer: string, headers: string[][], body: string }
function Request:info() end
---@param status integer
---@param headers string[][]?
---@param body string?
---@return boolean?, string? why "closed" when the client is gone
function Request:respond(status, headers, body) end
---A file with Range support.
---@param path string
---@param content_type string
function Request:file(path, content_type) end
---Piece by piece: streams, and servers that misbehave on purpose. An end without finish is a reset.
---@param status integer
---@param headers string[][]?
function Request:begin(status, headers) end
---@param bytes string
function Request:write(bytes) end
---Bytes written that the client has not taken.
---@return integer?, string? why
function Request:queued() end
---Its sender gave wrong credentials: 20 of them within a minute, and it is locked out for one.
function Request:strike() end
---Seconds for which its sender is locked out.
---@return integer?
function Request:locked() end
function Request:finish() end
function Request:drop() end
---Without an answer so far: 500. Has __close.
function Request:close() end

---Lets go of it. Has __close.
function Jar:close() end
---Answers with 101: a WebSocket (RFC 6455, no extensions). nil, "invalid" when the request does not ask
---for one; nil, "refused" of a server with a certificate.
---@param box moonline.Mailbox
---@return moonline.CoreWebSocket?, string? why, string? text
function Request:upgrade(box) end

---@param message string UTF-8 unless binary
---@param binary boolean?
---@return boolean?, string? why "closed"
function WebSocket:send(message, binary) end
---A message event was taken.
function WebSocket:took() end
---Bytes the client has not taken yet.
---@return integer
function WebSocket:queued() end
---A close frame; the closed event follows within two seconds.
---@param code integer? 1000, or 3000 to 4999
---@param reason string?
function WebSocket:finish(code, reason) end
---At once, without a close frame. Has __close.
function WebSocket:close() end

return http

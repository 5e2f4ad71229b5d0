---@meta moonline.core.house
-- State that outlives a call or is shared by calls: keyed by name, plain text values.

---@class moonline.core.house
local house = {}

---The table of live calls: sid -> fields.
---@class moonline.Calls
local Calls = {}

---@return moonline.Calls
function house.calls() end
---Sets fields; false removes one. Numbers are stored as text.
---@param sid string
---@param fields table<string, string|number|false>
function Calls:set(sid, fields) end
---One field, or all of them as a table; nil when unknown.
---@param sid string
---@param field string?
---@return string|table|nil
function Calls:get(sid, field) end
---@param sid string
function Calls:remove(sid) end
---@return integer
function Calls:count() end
---Sids, oldest first.
---@return string[]
function Calls:list() end

---A leg's audio over a WebSocket in the messages of Twilio's Media Streams: the pump between socket and
---leg, base64 and JSON are C.
---@class moonline.Feed
local Feed = {}

---Connects and streams. `tracks` is "inbound", "outbound" or "both"; with `duplex` the server may send
---media, mark and clear; headers are lines "Name: value"; parameters a list of { name, value }; timeout is
---in seconds. box gets {kind="feed", what="opened"}, {what="problem", problem, text} once for each of
---"message" (none of the protocol), "slow" (audio was dropped), "full" (over five minutes ahead), and last
---{what="closed", why, failure, status, code, text}: why is "closed", "connect" (failure as of a fetch),
---"status", "handshake", "lost", "protocol", "silent".
---@param options { leg: moonline.CoreLeg, client: moonline.HttpClient, url: string, headers: string[]?, timeout: number?, sid: string, call_sid: string, account_sid: string, tracks: string?, duplex: boolean?, parameters: string[][]?, box: moonline.Mailbox }
---@return moonline.Feed?
---@return "state"|"limit"|"invalid"|nil why the leg has no audio yet, or four streams
---@return string? text
function house.feed(options) end

---A dtmf message, when duplex.
---@param digit string
function Feed:digit(digit) end
---Media messages sent and dropped; messages of the server received, and of these ignored.
---@return { sent: integer, dropped: integer, received: integer, ignored: integer }
function Feed:counts() end
---The stop message and the closing handshake; the closed event follows.
function Feed:stop() end
---The same without an event. Has __close.
function Feed:close() end

return house

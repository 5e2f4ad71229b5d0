---@meta moonline.core.house
-- State that outlives a call or is shared by calls: keyed by name, plain text values.

---@class moonline.core.house
local house = {}

---The calls that are live: those whose listener is open.
---@class moonline.Calls
local Calls = {}

---@return moonline.Calls
function house.calls() end
---@param sid string
---@return boolean
function Calls:has(sid) end
---@return integer
function Calls:count() end
---Sids, oldest first.
---@return string[]
function Calls:list() end
---Lets go of the handle; the calls stay. Has __close.
function Calls:close() end
---A call is live from now on, until the handle that this gives is closed: what is told about it comes
---as events into this mailbox.
---@param sid string
---@param box moonline.Mailbox
---@param beside boolean? it is no call (a recording, who waits for an answer): neither counted nor listed
---@return moonline.CallListener
function Calls:listen(sid, box, beside) end
---Posts an event (text, numbers, booleans and tables of these) to a live call, of whatever generation.
---false: there is none of that sid.
---@param sid string
---@param event table with kind
---@return boolean heard
function Calls:tell(sid, event) end

---@class moonline.CallListener
local CallListener = {}

---The call is not live any more: what is told later goes unheard. Has __close.
function CallListener:close() end

---Counters that outlive calls and generations.
---@class moonline.Counters
local Counters = {}

---@return moonline.Counters
function house.counters() end
---Adds to a counter, which begins with 0. Its name never comes from outside; 1,000 names at most.
---@param name string
---@param more integer? 1
function Counters:add(name, more) end
---All of them: { name, value }, in the order in which they came.
---@return { [1]: string, [2]: integer }[]
function Counters:list() end
---Lets go of the handle; the counters stay. Has __close.
function Counters:close() end

---The last calls, as they can be looked at afterwards: SIP messages, and what is told about them. A call
---that is placed for another one is part of its trace.
---@class moonline.Traces
local Traces = {}

---Of so many calls, with at most that many bytes each (4,096 at least): of what is longer, the beginning
---and the newest are kept. The oldest goes first, and those of ended calls before others.
---@param options { calls: integer, bytes: integer }
---@return moonline.Traces
function house.traces(options) end
---A call begins.
---@param sid string
---@param parent string? sid of the call it is placed for
function Traces:open(sid, parent) end
---The messages with that Call-ID are its own, from the first on.
---@param sid string
---@param call_id string
function Traces:dialog(sid, call_id) end
---It is over; its trace stays for a while.
---@param sid string
function Traces:ended(sid) end
---Keeps an event: text, numbers, booleans and tables of these, with `call`, the sid it is about. Other
---values in it are left out, and an event of no known call is.
---@param event moonline.Event
---@param form string? kept as `form`, instead of the event's `params` that it was made of
function Traces:tell(event, form) end
---What there is of a call, in order: messages as Agent:trace has them, with their secrets masked, and
---events as they were told; all with `call` and `time` (seconds of the clock of tasks).
---nil: no such call.
---@param sid string
---@return table[]?
---@return integer? dropped how many were too much, after the beginning
function Traces:read(sid) end
---Bytes that all of them take.
---@return integer
function Traces:bytes() end
---Lets go of the handle; the traces stay. Has __close.
function Traces:close() end

---Rooms that calls of all states meet in: conferences, queues, the agents who wait at them. Each has a
---sid, plain values under names, and members in the order of their coming, known by CallSid, with plain
---values of their own. Values come back as text; false removes one.
---
---What is posted, and what happens, comes as events of kind "room" with `room` (the sid), `what`, and
---for a host of members `call` and `fields`: "enter", "leave" (host), "speech" with `speaks`, "played"
---with `op`, `why`, `text` (host).
---@class moonline.Rooms
local Rooms = {}

---A call in a room, until it is closed. Has __close.
---@class moonline.RoomMember
local RoomMember = {}
function RoomMember:close() end

---Who runs a room, until it is closed. Has __close.
---@class moonline.RoomHost
local RoomHost = {}
function RoomHost:close() end

---Rooms whose mixers live in that engine.
---@param media moonline.Media
---@return moonline.Rooms
function house.rooms(media) end
---The room of that kind and name, made when there is none. A lasting one stays when it is empty, up to
---10,000 of them.
---@param kind string
---@param name string
---@param prefix string two letters of a new sid, or the sid
---@param lasting boolean?
---@return string sid
---@return boolean is_new
function Rooms:open(kind, name, prefix, lasting) end
---@param kind string
---@param name string
---@return string? sid
function Rooms:find(kind, name) end
---Sids, oldest first.
---@param kind string
---@return string[]
function Rooms:list(kind) end
---One value, or all of them with sid, kind, name and count (of members).
---@param sid string
---@param field string?
---@return string|table|nil
function Rooms:get(sid, field) end
---@param sid string
---@param fields table<string, string|number|boolean>
---@return boolean there
function Rooms:set(sid, fields) end
---false: there is no such room, or another one of that name.
---@param sid string
---@param name string
---@return boolean done
function Rooms:rename(sid, name) end
---Its name is free for a new one; it goes with its last member.
---@param sid string
function Rooms:shut(sid) end
---The one mailbox that is told who comes and goes. Raises when the room has a host.
---@param sid string
---@param box moonline.Mailbox
---@return moonline.RoomHost?, string? why, string? text
function Rooms:host(sid, box) end
---@param sid string
---@param leg moonline.CoreLeg
---@param call string CallSid
---@param fields table<string, string|number|boolean>
---@param box moonline.Mailbox for what is posted to it
---@return moonline.RoomMember?, string? why, string? text
function Rooms:enter(sid, leg, call, fields, box) end
---CallSids, first come first.
---@param sid string
---@return string[]
function Rooms:members(sid) end
---@param sid string
---@param call string
---@param field string?
---@return string|table|nil
function Rooms:member(sid, call, field) end
---@param sid string
---@param call string
---@param fields table<string, string|number|boolean>
---@return boolean there
function Rooms:change(sid, call, fields) end
---The first member without that field.
---@param sid string
---@param field string
---@return string? call
function Rooms:first(sid, field) end
---Its place among the members without that field (0: none), and how many they are.
---@param sid string
---@param call string
---@param field string
---@return integer place
---@return integer count
function Rooms:position(sid, call, field) end
---Posts a copy of event, kind "room", to a member, to "host", or with nil to all members.
---@param sid string
---@param to string?
---@param event table
---@return integer told how many got it
function Rooms:post(sid, to, event) end
---A member's place in the mixer; the first call puts it there. delay: ms of jitter evened out, 0 to 100.
---@param sid string
---@param call string
---@param seat { speaks: boolean?, hears: boolean?, coached: string?, delay: integer?, watched: boolean? }
---@return boolean? ok, string? why, string? text
function Rooms:seat(sid, call, seat) end
---Plays to all in the mixer: a source as CoreLeg:play takes it.
---@param sid string
---@param source table
---@return integer? op, string? why, string? text
function Rooms:play(sid, source) end
---Connects a member with a leg of this state.
---@param sid string
---@param call string
---@param leg moonline.CoreLeg
---@return boolean? ok, string? why, string? text
function Rooms:bridge(sid, call, leg) end
function Rooms:close() end

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

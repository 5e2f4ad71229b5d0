---@meta moonline.core.wire
-- The wire between sockets of this process, in virtual time: datagrams that somebody holds before they
-- are sent. For simulations.

---@class moonline.core.wire
local wire = {}

---@class moonline.Wire
local Wire = {}

---A datagram that was not sent yet.
---@class moonline.Packet
local Packet = {}

---box gets { kind="packet", bytes, from, to, packet } for each datagram from or to a port that was
---added; from and to are ports. One wire at a time, and only in virtual time.
---@param box moonline.Mailbox
---@return moonline.Wire?, string? why, string? text
function wire.open(box) end

---@param port integer
function Wire:add(port) end

---Datagrams of other ports that went to that one since the wire was opened.
---@param port integer
---@return integer
function Wire:count(port) end

---What is held can still be sent. Closing twice is fine. Has __close.
function Wire:close() end

---Sends it on, or these bytes in its place. It can be sent more than once.
---@param bytes string?
---@return boolean sent false when the socket it comes from is closed
function Packet:send(bytes) end

---Lets go of it. Has __close.
function Packet:close() end

return wire

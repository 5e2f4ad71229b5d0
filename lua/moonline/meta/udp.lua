---@meta moonline.core.udp
-- Plain UDP: for peers that a test or a script plays itself.

---@class moonline.core.udp
local udp = {}

---@class moonline.Udp
local Udp = {}

---box gets { kind="datagram", bytes, address, port } for each one that comes. Port 0: any free one.
---@param address string numeric
---@param port integer
---@param box moonline.Mailbox
---@return moonline.Udp?, string? why, string? text
function udp.open(address, port, box) end

---@param address string numeric
---@param port integer
---@param bytes string
---@return boolean?, string? why, string? text
function Udp:send(address, port, bytes) end

---@return integer
function Udp:port() end

---Closing twice is fine. Has __close.
function Udp:close() end

return udp

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
---Lets go of the handle; the table stays. Has __close.
function Calls:close() end

return house

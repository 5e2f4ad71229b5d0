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
---What is told about a call comes as events into this mailbox from now on, until the handle is closed.
---@param sid string
---@param box moonline.Mailbox
---@return moonline.CallListener
function Calls:listen(sid, box) end
---Posts an event (text, numbers, booleans and tables of these) to whoever listens for this call, of
---whatever generation. false: nobody does.
---@param sid string
---@param event table with kind
---@return boolean heard
function Calls:tell(sid, event) end

---@class moonline.CallListener
local CallListener = {}

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

return house

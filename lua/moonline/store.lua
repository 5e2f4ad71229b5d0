-- The store as a state sees it: writes that return at once, reads that wait. Kinds and their fields are
-- those of core/house/store_schema.c; docs/configuration.md says what is kept, and for how long.

local task = require "moonline.core.task"

---@class moonline.Store
---@field core moonline.CoreStore
local Store = {}
Store.__index = Store
Store.__name = "moonline.Store"

local store = {}

local MOST = 1000 -- rows of one page

---Makes a row or changes these fields of it. Never waits.
---@param kind moonline.RecordKind
---@param fields table<string, string|number|false>
function Store:put(kind, fields)
  self.core:put(kind, fields)
end

---@param kind moonline.RecordKind
---@param key string|integer
function Store:remove(kind, key)
  self.core:remove(kind, key)
end

---Rows that meet all conditions, newest first, and the token of the next page (nil: that was the last).
---Waits for the disk.
---@param kind moonline.RecordKind
---@param options { where: table?, most: integer?, before: string?, first: integer?, oldest: boolean? }?
---  before: token of the page; first: rows left out; most: 50, at most 1000
---@return table[]? rows
---@return string? next token; or "io" when they cannot be read
---@return string? text
function Store:list(kind, options)
  options = options or {}
  local most = math.min(options.most or 50, MOST)
  local box = task.mailbox()
  self.core:list(kind, {
    where = options.where, most = most + 1, first = options.first, oldest = options.oldest,
    after = options.before and math.tointeger(tonumber(options.before)) or 0,
  }, box)
  local event = box:wait { "rows" }
  if event.text then return nil, "io", event.text end
  local rows = event.rows
  if #rows <= most then return rows end
  rows[#rows] = nil
  return rows, ("%d"):format(rows[#rows].id)
end

---The row with that key; nil when there is none, and why when it cannot be read. Waits for the disk.
---@param kind moonline.RecordKind
---@param key string|integer
---@return table? fields
---@return string? word
---@return string? text
function Store:get(kind, key)
  local field = (kind == "event" or kind == "callback") and "id" or "sid"
  local rows, word, text = self:list(kind, { where = { { field, "=", key } }, most = 1 })
  if not rows then return nil, word, text end
  return rows[1]
end

---@return { queued: integer, lost: integer, pending: integer, problem: string? }
function Store:health()
  return self.core:health()
end

---@param core moonline.CoreStore
---@return moonline.Store
function store.new(core)
  return setmetatable({ core = core }, Store)
end

return store

-- What the store knows, as the resources ask for it: one record, or a page of those that fit a query.

local form = require "moonline.rest.parts.form"
local page = require "moonline.rest.parts.page"

local records = {}

local DAY = 86400

local function fetched(value, word, text)
  if value == nil and word then
    form.fault(20500, ("the store cannot be read: %s"):format(text or word), 500)
  end
  return value
end

---@param env moonline.Env
---@param kind moonline.RecordKind
---@param sid string
---@return table? fields nil: there is none
function records.get(env, kind, sid)
  return fetched(env.store:get(kind, sid))
end

---The newest record that meets all conditions.
---@param env moonline.Env
---@param kind moonline.RecordKind
---@param where table[]
---@return table? fields
function records.first(env, kind, where)
  return fetched(env.store:list(kind, { where = where, most = 1 }))[1]
end

---The same of one that must be there: it was just written.
---@param env moonline.Env
---@param kind moonline.RecordKind
---@param sid string
---@return table fields
function records.expect(env, kind, sid)
  local fields = records.get(env, kind, sid)
  return fields or form.fault(20500, "it has no record: see /health", 500)
end

-- "2026-01-31" or "2026-01-31T10:00:00Z": seconds since 1970, and how long it lasts.
local function moment(name, text)
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  local hour, minute, second = (rest or ""):match("^T(%d%d):(%d%d):(%d%d)%.?%d*Z?$")
  if not year or rest ~= "" and not hour then
    form.fault(20001,
      ("%s=%s: YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ, is expected"):format(name, text))
  end
  -- Days since 1970 of the civil calendar, whatever the zone of this machine.
  local y, m = tonumber(year), tonumber(month)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5
    + tonumber(day) - 719469
  local seconds = tonumber(hour or 0) * 3600 + tonumber(minute or 0) * 60 + tonumber(second or 0)
  return days * DAY + seconds, hour and 1 or DAY
end

---Adds what a query says of a time: Name (that day), Name< (before it), Name> (since then).
---@param where table[]
---@param query moonline.Form
---@param name string "StartTime"
---@param field string
function records.time(where, query, name, field)
  for _, mark in ipairs { "", "<", ">" } do
    local text = query:text(name .. mark)
    if text then
      local from, length = moment(name .. mark, text)
      if mark ~= "<" then where[#where + 1] = { field, ">=", from } end
      if mark == "" then where[#where + 1] = { field, "<", from + length } end
      if mark == "<" then where[#where + 1] = { field, "<=", from } end
    end
  end
end

---Adds what must be equal.
---@param where table[]
---@param query moonline.Form
---@param names table<string, string> parameter -> field
function records.equal(where, query, names)
  for name, field in pairs(names) do
    local text = query:text(name)
    if text then where[#where + 1] = { field, "=", text } end
  end
end

---Answers with a page of records, newest first.
---@param env moonline.Env
---@param reply moonline.Reply
---@param query moonline.Form
---@param options { kind: string, name: string, where: table[], shape: fun(config: table, fields: table): table }
function records.reply(env, reply, query, options)
  local part = page.asked(query)
  local rows, more = env.store:list(options.kind,
    { where = options.where, most = part.size, first = part.first })
  if not rows then fetched(rows, more) end
  local items = {}
  for i, fields in ipairs(rows) do items[i] = options.shape(env.config, fields) end
  reply:json(200, page.of(reply.info.path, query, part, options.name, items, more ~= nil))
end

return records

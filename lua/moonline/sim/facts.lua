-- What is looked for among the messages and requests of a simulated call.

local sip = require "moonline.core.sip"
local suggest = require "moonline.twiml.suggest"

---A message or a request that was found.
---@class moonline.Fact
---@field time number seconds since the call began
---@field place number among all that happened
---@field title string "BYE", "486 INVITE", "POST /after"
---@field headers table<string, string>? of a message: lower-case names
---@field params table<string, string>? of a request
---@field text string? the whole message

local facts = {}

local NEAR <const> = 0.25 -- seconds that `at` may be off

-- ---- making -----------------------------------------------------------------------------------

---A SIP message of an event.
---@param event table
---@param start number
---@return moonline.Fact
function facts.message(event, start)
  local first, lines, body = event.text:match("^([^\r\n]*)\r?\n(.-)\r?\n\r?\n(.*)$")
  first, lines = first or event.text:match("^[^\r\n]*"), lines or ""
  local method = first:match("^(%u+) ")
  local fact = { time = event.time - start, place = event.place, headers = {}, body = body or "",
    text = event.text, uri = method and first:match("^%u+ (%S+)"), is_message = true }
  for _, header in ipairs(sip.headers(lines .. "\r\n")) do
    local name = header[1]:lower()
    local before = fact.headers[name]
    fact.headers[name] = before and before .. ", " .. header[2] or header[2]
  end
  fact.code = math.tointeger(tonumber(first:match("^SIP/2%.0 (%d%d%d)") or ""))
  fact.method = method or (fact.headers.cseq or ""):match("(%u+)")
  fact.title = fact.code and ("%d %s"):format(fact.code, fact.method or "?") or fact.method or "?"
  return fact
end

---A request to the web application.
---@param request table
---@param start number
---@return moonline.Fact
function facts.request(request, start)
  return { time = request.time - start, place = request.place, params = request.params,
    headers = request.headers, method = request.method, path = request.path,
    title = ("%s %s"):format(request.method, request.path) }
end

-- ---- looking ----------------------------------------------------------------------------------

---Is a value as it was wanted? true: there is one; false: there is none.
---@param wanted any
---@param value any
---@return boolean
function facts.agrees(wanted, value)
  if wanted == true then return value ~= nil end
  if wanted == false then return value == nil end
  return value ~= nil and tostring(wanted) == tostring(value)
end

local function field(fact, name)
  if fact.is_message then
    if name == "body" or name == "uri" then return fact[name] end
    return fact.headers[name:lower()]
  end
  return fact.params[name]
end

-- A body is as wanted when it has that text in it.
local function fits(fact, name, wanted)
  local value = field(fact, name)
  if name == "body" and fact.is_message and type(wanted) == "string" then
    return value:find(wanted, 1, true) ~= nil
  end
  return facts.agrees(wanted, value)
end

---Those fields of a fact that are not as wanted: "X-Desk = 5".
---@param fact moonline.Fact
---@param fields table<string, any>?
---@return string[]
function facts.misfits(fact, fields)
  local list = {}
  for _, name in ipairs(suggest.keys(fields or {})) do
    if not fits(fact, name, fields[name]) then
      local value = field(fact, name)
      list[#list + 1] = value == nil and "no " .. name
        or ("%s = %s"):format(name, tostring(value):sub(1, 200))
    end
  end
  return list
end

---Is it at the time that is asked for?
---@param fact moonline.Fact
---@param when { at: number?, before: number?, after: number? }
---@return boolean
function facts.in_time(fact, when)
  return (not when.at or math.abs(fact.time - when.at) <= NEAR)
    and (not when.before or fact.time <= when.before)
    and (not when.after or fact.time >= when.after)
end

---What is looked for, in words.
---@param title string
---@param fields table?
---@param when table
---@return string
function facts.describe(title, fields, when)
  local parts = {}
  for _, name in ipairs(suggest.keys(fields or {})) do
    local wanted = fields[name]
    parts[#parts + 1] = wanted == false and "no " .. name or wanted == true and "a " .. name
      or ("%s = %s"):format(name, tostring(wanted))
  end
  local text = #parts > 0 and ("%s with %s"):format(title, table.concat(parts, ", ")) or title
  for _, key in ipairs { "at", "before", "after" } do
    if when[key] then text = ("%s %s %g s"):format(text, key, when[key]) end
  end
  return when.times and ("%d times %s"):format(when.times, text) or text
end

---Those of a list that were looked for, and what there is instead of them.
---@param list moonline.Fact[]
---@param is_one fun(fact: moonline.Fact): boolean by its title
---@param fields table?
---@param when table
---@return moonline.Fact[] found
---@return string instead
function facts.find(list, is_one, fields, when)
  local found, near, titles = {}, {}, {}
  for _, fact in ipairs(list) do
    titles[#titles + 1] = fact.title
    if is_one(fact) then
      local misfits = facts.misfits(fact, fields)
      if #misfits == 0 and facts.in_time(fact, when) then
        found[#found + 1] = fact
      else
        local with = #misfits > 0 and " with " .. table.concat(misfits, ", ") or ""
        near[#near + 1] = ("%s%s at %.3f s"):format(fact.title, with, fact.time)
      end
    end
  end
  return found, facts.joined(#near > 0 and near or titles, "nothing")
end

---A list in words, or what stands for an empty one.
---@param list string[]
---@param none string
---@return string
function facts.joined(list, none)
  return #list > 0 and table.concat(list, "; ") or none
end

---"busy (486)".
---@param status string?
---@param code integer?
---@return string
function facts.status(status, code)
  local text = status or "no status"
  return code and ("%s (%d)"):format(text, code) or text
end

return facts

-- /v1/calls/{sid}/trace: what passed in one of the last calls, as JSON, text, a capture, or a page.

local capture = require "moonline.sim.capture"
local page = require "moonline.sim.page"
local pcap = require "moonline.sim.pcap"
local records = require "moonline.rest.parts.records"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local TYPES = {
  ["text/plain"] = "text", ["application/vnd.tcpdump.pcap"] = "pcap", ["text/html"] = "html",
  ["application/json"] = "json",
}
local FORMATS = { json = "json", text = "text", txt = "text", pcap = "pcap", html = "html" }

-- As it was told; what a document says of passwords is not for those who only look.
local function restore(event)
  if event.form then event.params, event.form = url.parse_form(event.form), nil end
  if event.body then
    event.body = event.body:gsub("([Pp]assword%s*=%s*[\"'])([^\"']*)", function(before, secret)
      return before .. ("*"):rep(#secret)
    end)
  end
end

-- Events as they were told, in time order.
local function events_of(env, sid)
  if not env.traces then return nil end
  local items, dropped = env.traces:read(sid)
  if not items then return nil end
  for _, item in ipairs(items) do restore(item) end
  return items, dropped
end

local function row_of(row, start)
  local event = row.event
  local one = { time = math.floor((row.time - start) * 1e6 + 0.5) / 1e6, label = row.label,
    from = row.from, to = row.to, at = row.at }
  for name, value in pairs(event) do
    if one[name] == nil and name ~= "party" then one[name] = value end
  end
  return one
end

local replies = {}

function replies.json(reply, found, facts)
  local list = {}
  for i, row in ipairs(found.rows) do list[i] = row_of(row, found.start) end
  reply:json(200, { sid = facts.sid, parties = found.parties, dropped = facts.dropped,
    date = facts.epoch + found.start, rows = setmetatable(list, { __jsontype = "array" }) })
end

function replies.text(reply, found)
  reply.request:respond(200, { { "Content-Type", "text/plain; charset=utf-8" } }, found:text())
end

function replies.pcap(reply, found, facts)
  reply.request:respond(200, { { "Content-Type", "application/vnd.tcpdump.pcap" } },
    pcap.of(found, facts.epoch))
end

function replies.html(reply, found, facts)
  local call = facts.call
  local title = call and ("%s → %s"):format(call.from or "?", call.to or "?") or facts.sid
  reply.request:respond(200, { { "Content-Type", "text/html; charset=utf-8" } }, page.of {
    title = title, capture = found, facts = { facts.sid, call and call.status },
  })
end

local function wanted(reply)
  local name = reply.info.path:match("%.(%l+)$") or reply:form():text "format"
  if name then return FORMATS[name] end
  for _, header in ipairs(reply.info.headers) do
    if header[1]:lower() == "accept" then
      for kind in header[2]:gmatch("[%w.+-]+/[%w.+-]+") do
        if TYPES[kind] then return TYPES[kind] end
      end
    end
  end
  return "json"
end

return {
  paths = {
    "^/v1/calls/(CA%x+)/trace$", "^/v1/calls/(CA%x+)/trace%.json$",
    "^/v1/calls/(CA%x+)/trace%.txt$", "^/v1/calls/(CA%x+)/trace%.pcap$",
    "^/v1/calls/(CA%x+)/trace%.html$",
  },
  GET = function(env, reply, _, sid)
    local kind = wanted(reply)
    if not kind then
      return reply:fail(400, 20001, "format: json, text, pcap or html is expected")
    end
    local events, dropped = events_of(env, sid)
    if not events then return reply:missing() end
    local fields = records.get(env, "call", sid)
    replies[kind](reply, capture.of(events), { sid = sid, dropped = dropped,
      epoch = task.time() - task.clock(), call = fields })
  end,
}

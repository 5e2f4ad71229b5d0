-- SIP messages as they go over the wire.
local sip = require "moonline.core.sip"
local task = require "moonline.core.task"

local wire = {}

local Message = {}
Message.__index = Message

---The first value of a header, nil when there is none.
function Message:get(name)
  name = name:lower()
  for _, header in ipairs(self.headers) do
    if header[1]:lower() == name then return header[2] end
  end
  return nil
end

---All values of a header.
function Message:values(name)
  local list = {}
  for _, header in ipairs(self.headers) do
    if header[1]:lower() == name:lower() then list[#list + 1] = header[2] end
  end
  return list
end

function Message:uri_of(name)
  local value = self:get(name) or ""
  return value:match("<([^>]+)>") or value:match("^[^;]+")
end

function wire.parse(text)
  local head, body = text:match("^(.-)\r?\n\r?\n(.*)$")
  head = head or text
  local self = setmetatable({ text = text, body = body or "", headers = {} }, Message)
  for line in head:gmatch("[^\r\n]+") do
    if not self.first then
      self.first = line
    else
      local name, value = line:match("^([^:%s]+)%s*:%s*(.-)%s*$")
      self.headers[#self.headers + 1] = { name or line, value or "" }
    end
  end
  self.method, self.uri = self.first:match("^(%u+) (%S+) SIP/2%.0$")
  self.code = tonumber(self.first:match("^SIP/2%.0 (%d%d%d)"))
  self.phrase = self.first:match("^SIP/2%.0 %d%d%d (.*)$")
  self.answers = self.code and (self:get "CSeq" or ""):match("%d+ (%u+)")
  return self
end

---The INVITE of a leg that came in, without its body.
function wire.of_leg(leg)
  local info = leg.core:info()
  return setmetatable({
    method = "INVITE", uri = info.request_uri, headers = sip.headers(info.headers),
    transport = info.transport, source = info.source_address, source_port = info.source_port,
    here = info.local_address, time = task.clock(),
  }, Message)
end

return wire

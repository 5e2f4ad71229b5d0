-- What a stage sees of its call: whose message it is, and what the web application was asked.

local task = require "moonline.task"
local url = require "moonline.webhook.url"

local witness = {}

---"kate" of "sip:kate@example.com".
---@param uri string
---@return string
function witness.user(uri)
  return (uri:match("^sips?:([^@]*)@") or uri:gsub("^sips?:", ""))
end

-- Whom a message is about that begins something: whom we call, or who calls or registers.
local function beginner(event)
  local method, uri_user = event.text:match("^(%u+) sips?:([^@;> ]+)@?")
  if method == "INVITE" and event.sent then return uri_user end
  if event.sent or method ~= "INVITE" and method ~= "REGISTER" then return nil end
  return event.text:match("\n[Ff]rom%s*:[^\r\n]-sips?:([^@;> ]+)@")
end

---SIP messages of the phones' one agent belong to the phone that the call is for.
---@param self moonline.SimStage
---@param event table
function witness.name(self, event)
  if event.kind ~= "message" then return end
  local call_id = event.text:match("\n[Cc]all%-[Ii][Dd]%s*:%s*([^\r\n]+)")
    or event.text:match("\n[Ii]%s*:%s*([^\r\n]+)")
  local remote = event.remote:match("(%d+%.%d+%.%d+%.%d+:%d+)")
  if remote == self.caller_address then
    event.party = "caller"
    return
  end
  local name = not self.parties[call_id] and beginner(event)
  if name then
    self.parties[call_id] = name
    self.order[#self.order + 1] = name
  end
  event.party = self.parties[call_id]
  if self.phone_addresses[remote] then event.remote = event.party or event.remote end
end

---The web application was asked.
---@param self moonline.SimStage
---@param request table
function witness.request(self, request)
  request.time, request.after = task.clock(), self.events[#self.events]
  self.requests[#self.requests + 1] = request
end

---A request to a web application that runs on this machine and is not ours.
---@param self moonline.SimStage
---@param event table
function witness.note(self, event)
  local parts = url.parse(event.url)
  if event.url:find(self.app.url, 1, true) == 1 or not url.is_here(parts.host) then return end
  local path, query = event.url:match("^%a+://[^/?#]*([^?#]*)%??([^#]*)")
  local params = {}
  for _, list in ipairs { url.parse_form(query), event.params or {} } do
    for _, pair in ipairs(list) do params[pair[1]] = tostring(pair[2]) end
  end
  witness.request(self, { method = event.method, path = path, params = params, headers = {} })
end

return witness

-- Names of what goes over the wire of a simulation, the same in every run:
--   "caller>INVITE"        from the caller to moonline
--   "kate<200 INVITE"      from moonline to kate; "kate.2" is the second call to kate
--   "caller>ACK#2"         the second of them, a repetition also counts
--   "app>/after"           a request that came to the web application

---@class moonline.SimLabels
local Labels = {}
Labels.__index = Labels
Labels.__name = "moonline.SimLabels"

local labels = {}

-- "200 INVITE", "BYE"; nil: no SIP.
local function describe(text)
  local code = text:match("^SIP/2%.0 (%d%d%d)")
  if not code then return text:match("^(%u+) %S+ SIP/2%.0") end
  local method = text:match("\n[Cc][Ss][Ee][Qq]%s*:%s*%d+%s+(%u+)")
  return method and code .. " " .. method
end

-- A party of that name that has no call yet.
local function party(self, name)
  self.calls[name] = (self.calls[name] or 0) + 1
  local count = self.calls[name]
  return count == 1 and name or ("%s.%d"):format(name, count)
end

---The name of a label's n-th occurrence.
---@param self moonline.SimLabels
---@param name string
---@return string
local function numbered(self, name)
  local count = (self.counts[name] or 0) + 1
  self.counts[name] = count
  return count == 1 and name or ("%s#%d"):format(name, count)
end

---Names a datagram; nil when it is no SIP message.
---@param text string
---@param from integer port
---@param to integer port
---@return string? label
---@return string? party
function Labels:message(text, from, to)
  local what = describe(text)
  if not what then return nil end
  local id = text:match("\n[Cc]all%-[Ii][Dd]%s*:%s*([^\r\n]+)")
    or text:match("\ni%s*:%s*([^\r\n]+)")
  local outward = self.server_ports[from] ~= nil
  if id and not self.parties[id] then
    local by_caller = from == self.caller_port or to == self.caller_port
    local user = text:match("^%u+ sips?:([^@;> ]+)@") or "someone"
    self.parties[id] = by_caller and "caller" or party(self, user)
  end
  local name = self.parties[id] or "someone"
  return numbered(self, name .. (outward and "<" or ">") .. what), name
end

---Names a request to the web application.
---@param path string
---@return string
function Labels:request(path)
  return numbered(self, "app>" .. path)
end

---@param server_ports table<integer, boolean>
---@param caller_port integer
---@return moonline.SimLabels
function labels.new(server_ports, caller_port)
  return setmetatable({ server_ports = server_ports, caller_port = caller_port, parties = {},
    calls = {}, counts = {} }, Labels)
end

---The party and what it sent or got: "kate", "<", "200 INVITE", 1. "app", ">", "/after" for a request.
---@param label string
---@return string party, string direction, string what, integer number
function labels.read(label)
  local name, direction, rest = label:match("^([^<>]+)([<>])(.+)$")
  local what, number = rest:match("^(.*)#(%d+)$")
  return name, direction, what or rest, math.tointeger(tonumber(number)) or 1
end

---The name of the party, of whichever call to it.
---@param label string
---@return string
function labels.user(label)
  return (label:match("^[^<>]+"):gsub("%.%d+$", ""))
end

return labels

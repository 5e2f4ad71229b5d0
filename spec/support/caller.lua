-- A caller over a bare socket, that shows what a server sends it: caller.responses holds the answers to
-- its INVITE, such as "183 with SDP". With `reliable` it requires 100rel and answers with PRACK.
local moonline = require "moonline"
local peer = require "support.peer"

local caller = {}

local Caller = {}
Caller.__index = Caller

local function header_lines(self, method, number, more)
  local lines = {
    ("%s %s SIP/2.0"):format(method, self.contact or self.target),
    ("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%d"):format(self.where, method, number),
    ("From: <sip:odd@%s>;tag=caller"):format(self.where),
    ("To: <%s>%s"):format(self.target, self.tag and ";tag=" .. self.tag or ""),
    "Call-ID: bare@" .. self.where, ("CSeq: %d %s"):format(number, method),
    ("Contact: <sip:odd@%s>"):format(self.where), "Max-Forwards: 70",
  }
  for _, line in ipairs(more or {}) do lines[#lines + 1] = line end
  return lines
end

---Sends a request of the dialog, or the INVITE of it; more: whole header lines.
function Caller:send(method, number, more, body)
  local lines = header_lines(self, method, number, more)
  if body then lines[#lines + 1] = "Content-Type: application/sdp" end
  lines[#lines + 1] = "Content-Length: " .. #(body or "")
  self.phone.socket:send("127.0.0.1", self.port, table.concat(lines, "\r\n") .. "\r\n\r\n"
    .. (body or ""))
end

---Takes its INVITE back.
function Caller:cancel()
  local tag = self.tag
  self.tag, self.contact = nil, nil
  local lines = header_lines(self, "CANCEL", 1)
  lines[2] = lines[2]:gsub("CANCEL1", "INVITE1")
  lines[#lines + 1] = "Content-Length: 0"
  self.phone.socket:send("127.0.0.1", self.port, table.concat(lines, "\r\n") .. "\r\n\r\n")
  self.tag = tag
end

-- A reliable provisional response gets its PRACK, once.
local function acknowledge(self, number)
  if not number or self.acknowledged[number] then return end
  self.acknowledged[number] = true
  self.number = self.number + 1
  self:send("PRACK", self.number, { ("RAck: %s 1 INVITE"):format(number) })
end

local function take(self, message)
  if message.answers ~= "INVITE" then
    self.others[#self.others + 1] = message.code .. " " .. message.answers
    return
  end
  local text = message.code .. (message.body ~= "" and " with SDP" or "")
  local number = message:get "RSeq"
  local again = number and self.acknowledged[number] or self.final
  if not again then self.responses[#self.responses + 1] = text end
  if message.code > 100 then
    self.tag = self.tag or (message:get "To" or ""):match(";tag=([^;]+)")
    self.contact = self.contact or message:uri_of "Contact"
  end
  if message.code >= 200 then
    self.final = self.final or message
    self:send("ACK", 1)
  else
    acknowledge(self, number)
  end
end

---The answers to the INVITE so far, as one text.
function Caller:heard()
  return table.concat(self.responses, ", ")
end

---Waits for the final response: its code.
---@param timeout number?
function Caller:wait(timeout)
  local limit = moonline.clock() + (timeout or 60)
  while not self.final and moonline.clock() < limit do moonline.sleep(0.02) end
  return self.final and self.final.code
end

function Caller:close()
  self.phone:close()
end

Caller.__close = Caller.close

---Calls at once. headers: whole lines for the INVITE; body: instead of an offer of PCMU.
---@param s table a stage
---@param options { reliable: boolean?, headers: string[]?, body: string?, target: string? }?
function caller.open(s, options)
  options = options or {}
  local self = setmetatable({ acknowledged = {}, responses = {}, others = {}, number = 1 }, Caller)
  self.target = options.target or s:uri()
  self.port = math.tointeger(tonumber(self.target:match(":(%d+)$")))
  self.phone = peer.open(function(phone, request) phone:reply(request, "200 OK") end,
    { heard = function(message) take(self, message) end })
  self.where = self.phone.where
  local headers = table.move(options.headers or {}, 1, #(options.headers or {}), 1, {})
  if options.reliable then headers[#headers + 1] = "Require: 100rel" end
  self:send("INVITE", 1, headers, options.body or peer.sdp())
  return self
end

return caller

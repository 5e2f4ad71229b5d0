-- sipp as a peer: scenarios written in Lua, run as a process.
--
--   local bob <close> = sipp.start({ sipp.recv "INVITE", sipp.reply(486), sipp.recv "ACK" })
--   ... bob.port ...
--   bob:done()                   waits for its end, fails with what it logged when it went wrong
local process = require "support.process"

local sipp = {}

local SDP = [[
v=0
o=peer 5[pid] 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
]]

---A usual offer or answer; changes is text to be put in place of parts of it.
---@param changes table<string, string>? plain text -> plain text
function sipp.sdp(changes)
  local text = SDP
  for from, to in pairs(changes or {}) do
    local first, last = text:find(from, 1, true)
    assert(first, from)
    text = text:sub(1, first - 1) .. to .. text:sub(last + 1)
  end
  return text
end

local function body(lines, given)
  local sdp = given.sdp
  if sdp == true then sdp = SDP end
  local text = sdp or given.body
  if text then lines[#lines + 1] = "Content-Type: " .. (given.type or "application/sdp") end
  lines[#lines + 1] = "Content-Length: [len]"
  return table.concat(lines, "\n") .. "\n\n" .. (text or "")
end

local function send(text, attributes)
  return ("<send%s><![CDATA[\n\n%s\n]]></send>"):format(attributes or "", text)
end

local function add(lines, given)
  for _, header in ipairs(given.headers or {}) do lines[#lines + 1] = header end
end

-- Of the request with that number, also of what belongs to it: CANCEL, the ACK of a refusal.
local function branch(cseq)
  return "z9hG4bK-[pid]-[call_number]-" .. cseq
end

function sipp.message(lines, given, again)
  add(lines, given)
  return send(body(lines, given), again and ' retrans="500"' or "")
end

-- ---- as caller ----------------------------------------------------------------------------------

---A request. Outside a dialog unless `dialog`.
---@param method string
---@param given { sdp: string|boolean|nil, body: string?, type: string?, headers: string[]?, dialog: boolean?, cseq: integer?, to: string?, retrans: boolean?, branch: string? }?
function sipp.request(method, given)
  given = given or {}
  local dialog = given.dialog
  local lines = {
    method .. (dialog and " [next_url]" or " sip:[service]@[remote_ip]:[remote_port]")
      .. " SIP/2.0",
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch="
      .. (given.branch or branch(given.cseq or "[cseq]")),
    "From: <sip:peer@[local_ip]:[local_port]>;tag=[pid]p[call_number]",
    "To: <sip:[service]@[remote_ip]:[remote_port]>"
      .. (given.to or dialog and "[peer_tag_param]" or ""),
    "Call-ID: [call_id]",
    ("CSeq: %s %s"):format(given.cseq or "[cseq]", method),
    "Contact: <sip:peer@[local_ip]:[local_port];transport=[transport]>",
    "Max-Forwards: 70",
  }
  if dialog then lines[#lines + 1] = "[routes]" end
  return sipp.message(lines, given, given.retrans ~= false and method ~= "ACK")
end

---ACK of a 2xx.
function sipp.ack(given)
  given = given or {}
  given.dialog, given.branch = true, "[branch]"
  return sipp.request("ACK", given)
end

---CANCEL of the INVITE with that number, 1 by default.
function sipp.cancel(cseq)
  return sipp.request("CANCEL", { cseq = cseq or 1 })
end

---A final refusal of the INVITE with that number, and its ACK.
---@param code integer
---@param cseq integer?
---@param given table? for recv
function sipp.refused(code, cseq, given)
  return sipp.recv(100, { optional = true }) .. sipp.recv(180, { optional = true })
    .. sipp.recv(code, given)
    .. sipp.request("ACK", { cseq = cseq or 1, to = "[peer_tag_param]" })
end

-- ---- as callee ----------------------------------------------------------------------------------

---The answer to the request received last.
---@param code integer
---@param given { sdp: string|boolean|nil, headers: string[]?, retrans: boolean?, contact: string?, tag: string?, in_dialog: boolean?, phrase: string? }?
function sipp.reply(code, given)
  given = given or {}
  local lines = {
    ("SIP/2.0 %d %s"):format(code, given.phrase or "Said"),
    "[last_Via:]", "[last_From:]",
    "[last_To:]" .. (given.in_dialog and "" or ";tag=" .. (given.tag or "[pid]u[call_number]")),
    "[last_Call-ID:]", "[last_CSeq:]", "[last_Record-Route:]",
    "Contact: " .. (given.contact or "<sip:bob@[local_ip]:[local_port];transport=[transport]>"),
  }
  return sipp.message(lines, given, given.retrans)
end

---A final answer to the INVITE, also when other requests came since.
---@param code integer
---@param given table? as for reply
function sipp.final(code, given)
  given = given or {}
  return sipp.message({
    ("SIP/2.0 %d %s"):format(code, given.phrase or "Said"), "Via:[$via]", "From:[$caller]",
    "To:[$called]" .. (given.in_dialog and "" or ";tag=" .. (given.tag or "[pid]u[call_number]")),
    "[last_Call-ID:]", "CSeq:[$cseq]", "Contact: <sip:bob@[local_ip]:[local_port]>",
  }, given, given.retrans)
end

---A request in the dialog that our answer began: From and To change places.
---@param method string
---@param given { cseq: integer, sdp: string|boolean|nil, headers: string[]? }
function sipp.back(method, given)
  return sipp.message({
    method .. " [next_url] SIP/2.0",
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-b-" .. given.cseq
      .. method,
    "From: <sip:bob@[local_ip]:[local_port]>;tag=[pid]u[call_number]",
    "To:[$caller]", "[last_Call-ID:]", ("CSeq: %d %s"):format(given.cseq, method),
    "Contact: <sip:bob@[local_ip]:[local_port]>", "Max-Forwards: 70",
  }, given, method ~= "ACK")
end

-- ---- both ---------------------------------------------------------------------------------------

-- What sipp.final and sipp.back need of an INVITE.
local KEPT = { { ".*", "Via:", "via" }, { ".*", "From:", "caller" }, { ".*", "To:", "called" },
  { ".*", "CSeq:", "cseq" } }

local function keep()
  local text = {}
  for i, one in ipairs(KEPT) do
    text[i] = ('<ereg regexp="%s" search_in="hdr" header="%s" assign_to="%s"/>'):format(
      table.unpack(one))
  end
  return table.concat(text)
end

local function list(attributes)
  local names = {}
  for name in pairs(attributes) do names[#names + 1] = name end
  table.sort(names)
  local text = {}
  for _, name in ipairs(names) do
    text[#text + 1] = (' %s="%s"'):format(name, tostring(attributes[name]))
  end
  return table.concat(text)
end

---Waits for a request ("BYE") or a response (200).
---@param what string|integer
---@param given { check: string|string[]|nil, without: string?, action: string?, optional: boolean?, auth: boolean?, rrs: boolean? }?
function sipp.recv(what, given)
  given = given or {}
  local key = type(what) == "number" and "response" or "request"
  local attributes = { [key] = what, optional = given.optional, auth = given.auth,
    rrs = given.rrs ~= false and (what == 200 or what == "INVITE" or given.rrs) or nil }
  local action = (what == "INVITE" and keep() or "") .. (given.action or "")
  for i, check in ipairs(type(given.check) == "string" and { given.check } or given.check or {}) do
    action = action .. ('<ereg regexp="%s" search_in="msg" check_it="true" assign_to="found%d"/>')
      :format(check, i)
  end
  for i, check in ipairs(given.without and { given.without } or {}) do
    action = action
      .. ('<ereg regexp="%s" search_in="msg" check_it_inverse="true" assign_to="not%d"/>'):format(
        check, i)
  end
  if action == "" then return ("<recv%s/>"):format(list(attributes)) end
  return ("<recv%s><action>%s</action></recv>"):format(list(attributes), action)
end

---@param milliseconds integer
function sipp.pause(milliseconds)
  return ('<pause milliseconds="%d"/>'):format(milliseconds)
end

---Any message text, as sipp writes it.
sipp.send = send

---A scenario's beginning, as most callers have it: INVITE, 100, 180, 200, ACK.
function sipp.calling(given)
  given = given or { sdp = true }
  return sipp.all {
    sipp.request("INVITE", given), sipp.recv(100, { optional = true }),
    sipp.recv(180, { optional = true }), sipp.recv(183, { optional = true }), sipp.recv(200),
    sipp.ack(),
  }
end

---Waits for the other side's BYE and answers it.
function sipp.hung_up(given)
  given = given or {}
  given.in_dialog = true
  return sipp.recv "BYE" .. sipp.reply(200, given)
end

---Hangs up.
function sipp.hangup()
  return sipp.request("BYE", { dialog = true }) .. sipp.recv(200)
end

function sipp.all(parts)
  return table.concat(parts, "\n")
end

-- Variables that are set and never read are an error for sipp.
local function references(text)
  local names, seen = {}, {}
  for name in text:gmatch('assign_to="(%w+)"') do
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  if #names == 0 then return "" end
  return ('<Reference variables="%s"/>'):format(table.concat(names, ","))
end

local Peer = {}
Peer.__index = Peer

---Starts sipp with a scenario. With `remote` it calls there, without it waits for a call.
---@param steps string[]
---@param options { remote: string?, service: string?, echo: boolean?, transport: string?, arguments: string[]?, calls: integer?, life: integer? }?
function sipp.start(steps, options)
  options = options or {}
  local text = sipp.all(steps)
  local self = setmetatable({ folder = process.folder(), port = process.port(),
    media_port = process.port() }, Peer)
  process.write(self.folder .. "/scenario.xml", table.concat({
    '<?xml version="1.0" encoding="ISO-8859-1" ?>', '<scenario name="peer">', text,
    references(text), "</scenario>", "" }, "\n"))
  local line, life = { "sipp" }, options.life or 20
  if options.remote then line[2] = options.remote end
  local function more(...)
    for _, word in ipairs { ... } do line[#line + 1] = tostring(word) end
  end
  more("-sf", "scenario.xml", "-i", "127.0.0.1", "-p", self.port, "-mi", "127.0.0.1", "-mp",
    self.media_port, "-m", options.calls or 1, "-s", options.service or "line", "-t",
    options.transport or "u1", "-nostdin", "-r", 100, "-timeout", life, "-timeout_error",
    "-recv_timeout", options.life and life * 1000 or 8000, "-trace_err", "-error_file", "errors",
    "-trace_msg", "-message_file", "messages")
  if options.echo then more("-rtp_echo") end
  more(table.unpack(options.arguments or {}))
  self.process = process.start(line, { directory = self.folder, environment = { TERM = "dumb" },
    life = life + 10 })
  if not options.remote then
    process.eventually(function()
      if self.process:poll() then error(self:trouble(), 0) end
      return sipp.listens(self.port)
    end, "sipp listening")
  end
  self.uri = ("sip:bob@127.0.0.1:%d"):format(self.port)
  return self
end

---Does something hold this UDP port?
function sipp.listens(port)
  return process.read("/proc/net/udp"):find((":%04X "):format(port), 1, true) ~= nil
end

---All messages it has sent and received.
function Peer:messages()
  return process.read(self.folder .. "/messages")
end

function Peer:trouble()
  return ("%s\n%s\n%s"):format(self.process:err(), process.read(self.folder .. "/errors"),
    self:messages())
end

---Waits until its scenario is done; fails when it did not end well.
function Peer:done(timeout)
  local status = self.process:exit(timeout)
  if status ~= 0 then error(("sipp ended with %d\n%s"):format(status, self:trouble()), 2) end
  return self:messages()
end

function Peer:close()
  self.process:close()
  process.remove(self.folder)
end

Peer.__close = Peer.close

return sipp

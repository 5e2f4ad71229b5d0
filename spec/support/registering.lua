-- A peer over a plain UDP socket that registers as a test says, right or wrong.
--
--   local odd <close> = registering.open(s)
--   odd:send { "Contact: <sip:alice@192.0.2.1>" }            the answer to one REGISTER
--   odd:as("alice", "wonder", { "Contact: ..." })            the same after the challenge
local crypto = require "moonline.core.crypto"
local moonline = require "moonline"
local peer = require "support.peer"

local registering = {}

local Raw = {}
Raw.__index = Raw

function Raw:close()
  self.peer:close()
end

Raw.__close = Raw.close

---Sends one REGISTER with these lines: its final answer.
---@param lines string[]
---@param options { cseq: integer?, mark: string?, from: string?, to: string?, id: string?, via: string?, timeout: number? }?
function Raw:send(lines, options)
  options = options or {}
  self.cseq = options.cseq or self.cseq + 1
  local text = {
    "REGISTER " .. self.uri .. " SIP/2.0",
    ("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s.%d.%s;rport"):format(options.via or self.peer.where,
      self.id, self.cseq, options.mark or ""),
    "Max-Forwards: 70", ("From: <sip:%s@%s>;tag=t"):format(options.from or "alice", self.host),
    ("To: <sip:%s@%s>"):format(options.to or "alice", self.host),
    "Call-ID: " .. (options.id or self.id), ("CSeq: %d REGISTER"):format(self.cseq),
  }
  table.move(lines, 1, #lines, #text + 1, text)
  text[#text + 1] = "Content-Length: 0\r\n\r\n"
  self.peer.socket:send(self.host, self.port, table.concat(text, "\r\n"))
  local event = self.box:wait({ "answer" }, options.timeout or 10)
  return event and event.answer
end

local function hash(...)
  return crypto.hex(crypto.digest("md5", table.concat({ ... }, ":")))
end

---The same with the answer to the challenge.
function Raw:as(user, password, lines, options)
  options = options or {}
  local cseq = options.cseq
  options.cseq = nil
  local challenge = assert(self:send({}, options))
  assert(challenge.code == 401, challenge.first)
  local nonce = challenge:get("WWW-Authenticate"):match('nonce="([^"]+)"')
  local all = { ('Authorization: Digest username="%s", realm="moonline", nonce="%s", uri="%s", '
    .. 'algorithm=MD5, qop=auth, nc=00000001, cnonce="c", response="%s"'):format(user, nonce,
    self.uri, hash(hash(user, "moonline", password), nonce, "00000001", "c", "auth",
      hash("REGISTER", self.uri))) }
  table.move(lines, 1, #lines, 2, all)
  options.cseq, options.mark = cseq, (options.mark or "") .. "a"
  return self:send(all, options)
end

local opened = 0

---@param s table the stage
---@param fn fun(self: table, request: table)? what it does with requests
function registering.open(s, fn)
  opened = opened + 1
  local box = moonline.mailbox()
  local self = setmetatable({ box = box, cseq = 0, id = "reg" .. opened }, Raw)
  self.peer = peer.open(fn, { heard = function(answer)
    box:post { kind = "answer", answer = answer }
  end })
  local host, port = s:uri():match("@([%d.]+):(%d+)")
  self.host, self.port = host, tonumber(port)
  self.uri = ("sip:%s:%s"):format(host, port)
  return self
end

return registering

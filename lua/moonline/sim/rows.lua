-- The rows of a ladder: what each event says, and between whom.
--   local r = rows.new { facts = true }
--   r:party("caller", "127.0.0.1:5080")     names an address (any number for one party)
--   r:add(event)                            { from, to, label, kind } or { at, label, kind }

local rows = {}

---@class moonline.Row
---@field time number seconds
---@field label string
---@field kind "request"|"provisional"|"success"|"failure"|"http"|"verb"|"digit"|"note"
---@field from string? a party, of what goes to another one
---@field to string?
---@field at string? a party, of what happens at one
---@field event table

---@class moonline.Rows
local Rows = {}
Rows.__index = Rows
Rows.__name = "moonline.Rows"

---@param options { facts: boolean? }? facts: of what only the server knows, too
---@return moonline.Rows
function rows.new(options)
  return setmetatable({ addresses = {}, seen = {}, calls = {},
    facts = options and options.facts }, Rows)
end

---Messages from or to this address are this party's.
---@param name string
---@param address string "host:port", with or without "udp:" before it
function Rows:party(name, address)
  self.addresses[address:gsub("^%a+:", "")] = name
end

---What happens to this call happens to this party.
---@param name string
---@param sid string
function Rows:call(name, sid)
  self.calls[sid] = name
end

local function name_at(self, address)
  local plain = tostring(address or "?"):gsub("^%a+:", "")
  return self.addresses[plain] or plain
end

-- What one line says about a SIP message: its first line, and the method a response answers.
local function describe(text)
  local first = text:match("^[^\r\n]*")
  local code, phrase = first:match("^SIP/2%.0 (%d%d%d) ?(.*)")
  local method = text:match("\n[Cc][Ss][Ee][Qq]%s*:%s*%d+%s+(%u+)")
  if code then
    local kind = code < "200" and "provisional" or code < "300" and "success" or "failure"
    return ("%s %s (%s)"):format(code, phrase, method or "?"), kind
  end
  local verb, uri = first:match("^(%u+) (%S+)")
  if not verb then return "not SIP", "failure" end
  local has_sdp = text:lower():find("\ncontent%-type%s*:%s*application/sdp") and " +SDP" or ""
  return (verb == "INVITE" and "INVITE " .. uri or verb) .. has_sdp, "request"
end

-- A message between two parties that are both ours is told twice: the second is left out.
local function told_before(self, event, from, to)
  local key = from .. "\0" .. to .. "\0" .. event.text
  local waiting = self.seen[key]
  local mine = event.sent and 1 or -1
  if waiting and waiting * mine < 0 then
    self.seen[key] = waiting + mine ~= 0 and waiting + mine or nil
    return true
  end
  self.seen[key] = (waiting or 0) + mine
  return false
end

local function between(from, to, label, kind)
  return { from = from, to = to, label = label, kind = kind }
end

local function at(party, label, kind)
  return { at = party, label = label, kind = kind }
end

local of = {}

function of.message(self, event)
  local here, there = name_at(self, event.local_address), name_at(self, event.remote)
  local from, to = event.sent and here or there, event.sent and there or here
  from, to = event.from or from, event.to or to
  if from == to or told_before(self, event, from, to) then return nil end
  local label, kind = describe(event.text)
  local transport = tostring(event.transport or "udp"):lower()
  if transport ~= "udp" then label = label .. " " .. transport end
  return between(from, to, label, kind)
end

function of.http(_, event)
  local label = event.label or ("%s %s"):format(event.method or "GET", event.url or "?")
  return between(event.from, event.to, label, "http")
end

function of.webhook(_, event)
  local path = event.url:match("^%a+://[^/]*([^?#]*)") or event.url
  local label = ("%s %s (%s)"):format(event.method, path, event.what)
  return between("moonline", "web app", label, "http")
end

function of.answer(_, event)
  return between("web app", "moonline", ("%d %s"):format(event.status, event.type), "http")
end

-- What a party is played; silence is not worth a line.
function of.play(self, event)
  local what = event.said and ("says %q"):format(event.said)
    or event.digits and "presses " .. event.digits or event.tone and "tone " .. event.tone
    or event.file and "plays " .. event.file:match("[^/]*$")
  return what and at(event.at or self.calls[event.call] or "moonline", what, "note")
end

function of.warning(_, event)
  return at("moonline", ("%d %s"):format(event.code, event.text), "failure")
end

function of.verb(_, event)
  local line = event.line and (" (line %d)"):format(event.line) or ""
  return at(event.at or "moonline", ("<%s>%s"):format(event.name, line), "verb")
end

function of.digit(self, event)
  local label = "DTMF " .. tostring(event.digit)
  local from, to = event.from or self.calls[event.call], event.to or "moonline"
  if from then return between(from, to, label, "digit") end
  return at(event.at or "moonline", label, "digit")
end

function of.note(_, event)
  return at(event.at or "moonline", event.text or event.label or "", "note")
end

local fact = {}

fact.key = of.digit

function fact.bridged(self, event)
  return at("moonline", ("%s and %s hear each other"):format(self.calls[event.call] or "the caller",
    self.calls[event.child] or "the callee"), "note")
end

function fact.media(self, event)
  local label = ("RTP: %d packets there, %d back, %d lost"):format(event.sent or 0,
    event.received or 0, event.lost or 0)
  return at(self.calls[event.call] or "moonline", label, "note")
end

function fact.recording(_, event)
  return at("moonline", ("recorded %.1f s"):format(event.duration or 0), "note")
end

function fact.conference(_, event)
  return at("moonline", "in the conference " .. tostring(event.name), "note")
end

function fact.enqueued(_, event)
  return at("moonline", "in the queue " .. tostring(event.name), "note")
end

function fact.stream(_, event)
  return at("moonline", "stream: " .. tostring(event.event), "note")
end

fact["call-ended"] = function(self, event)
  return at(self.calls[event.call] or "moonline", "over: " .. tostring(event.status), "note")
end

---The row of this event, nil when there is nothing new to show.
---@param event table
---@return moonline.Row?
function Rows:add(event)
  local make = of[event.kind] or self.facts and fact[event.kind]
  local row = make and make(self, event)
  if not row then return nil end
  row.event, row.time = event, event.time
  return row
end

return rows

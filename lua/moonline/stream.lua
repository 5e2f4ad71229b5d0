-- A media stream of a leg: its audio over a WebSocket, both ways if the server may speak, too. What
-- becomes of it is told to the application.

local callback = require "moonline.webhook.callback"
local crypto = require "moonline.core.crypto"
local house = require "moonline.core.house"
local known = require "moonline.options"
local signature = require "moonline.webhook.signature"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"
local version = require("moonline.core.sys").versions().version

---@class moonline.Stream
---@field sid string MZ and 32 hex digits
---@field name string its own, or the sid
---@field over table? how it ended: { why: string, text: string, code: integer? }
local Stream = {}
Stream.__index = Stream
Stream.__name = "moonline.Stream"

local stream = {}

-- Twilio's numbers of what can go wrong.
local TIMEOUT, REFUSED, UNREACHABLE, TLS = 31901, 31902, 31904, 31910
local HANDSHAKE, CLOSED, PROTOCOL, MESSAGE = 31920, 31921, 31924, 31951
local FAILURES = {
  connect = REFUSED, ["connect-timeout"] = TIMEOUT, timeout = TIMEOUT, resolve = UNREACHABLE,
  denied = UNREACHABLE, tls = TLS, certificate = TLS, expired = TLS, ["wrong-name"] = TLS,
}
local ENDS = {
  status = HANDSHAKE, handshake = HANDSHAKE, lost = CLOSED, protocol = PROTOCOL, silent = TIMEOUT,
}
local PROBLEMS = { message = MESSAGE, full = MESSAGE, slow = TIMEOUT }
local NORMAL = { [1000] = true, [1001] = true, [1005] = true } -- of a server that is done

local function tell(self, event, problem)
  local leg, env = self.leg, self.leg.env
  env.notify { kind = "stream", call = leg.sid, sid = self.sid, event = event, text = problem }
  if not self.callback then return end
  self.queue:push {
    url = self.callback.url, method = self.callback.method or "POST", jar = leg.jar, what = event,
    params = {
      { "AccountSid", env.config.account_sid }, { "CallSid", leg.sid }, { "StreamSid", self.sid },
      { "StreamName", self.name }, { "StreamEvent", event },
      { "Timestamp", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(task.time())) },
      problem and { "StreamError", problem } or nil,
    },
  }
end

-- The number of an end that is none to be expected; nil: all is well.
local function fault(self, event)
  if self.stopping then return nil end
  if event.why == "closed" then return not NORMAL[event.code] and CLOSED or nil end
  return ENDS[event.why] or FAILURES[event.failure] or HANDSHAKE
end

local function ended(self, event)
  local number = fault(self, event)
  local text = ("stream to %s: %s"):format(url.public(self.url), event.text)
  if event.why == "closed" then text = ("%s (%d)"):format(text, event.code) end
  self.over = { why = number and "failed" or self.stopping and "stopped" or "closed",
    text = text, code = number, counts = self.feed:counts() }
  self.feed:close()
  self.leg.streams[self.name] = nil
  if number then
    self.leg:warn(number, text)
    tell(self, "stream-error", text)
  else
    tell(self, "stream-stopped")
  end
  if self.awaited then self.leg.box:post { kind = "stream", stream = self } end
end

local on = {}

function on.opened(self)
  tell(self, "stream-started")
end

function on.problem(self, event)
  self.leg:warn(PROBLEMS[event.problem], "stream: " .. event.text)
end

-- Sees the stream to its end, also when the leg has ended.
local function watch(self, held)
  local _ <close> = held
  repeat
    local event = self.box:wait { "feed" }
    if event.what == "closed" then ended(self, event) else on[event.what](self, event) end
  until self.over
end

---Ends it: the server gets a stop message. Nothing for one that is over.
function Stream:stop()
  if self.over or self.stopping then return end
  self.stopping = true
  self.feed:stop()
end

Stream.close = Stream.stop
Stream.__close = Stream.stop

---Waits until it is over; keys that come are told to the server. nil, "timeout" when it is not.
---@param timeout number? seconds
---@return "closed"|"stopped"|"failed"|nil why
---@return string? text
function Stream:wait(timeout)
  local limit = timeout and task.clock() + timeout
  self.awaited = true
  while not self.over do
    local left = limit and math.max(0, limit - task.clock())
    local event = self.leg:wait({ "stream", "digit" }, left)
    if not event then return nil, "timeout" end
  end
  return self.over.why, self.over.text
end

---Messages so far: to the server sent and dropped (it was too slow), of the server received and ignored.
---@return { sent: integer, dropped: integer, received: integer, ignored: integer }
function Stream:counts()
  return self.over and self.over.counts or self.feed:counts()
end

local TRACKS = {
  inbound_track = "inbound", outbound_track = "outbound", both_tracks = "both",
  inbound = "inbound", outbound = "outbound", both = "both",
}

local function parameters(given)
  local list = {}
  for name, value in pairs(given or {}) do
    if type(value) == "table" then name, value = value[1], value[2] end
    list[#list + 1] = { tostring(name), tostring(value) }
  end
  return list
end

local STREAM <const> = known.of("stream", "name", "track", "duplex", "parameters", "callback",
  "timeout")

---Begins to stream this leg's audio; answers a ringing call. It goes on until the server closes it,
---stop(), the end of its block, or of the leg. A duplex stream lets the server speak.
---@param leg moonline.Leg
---@param target string wss:// or ws://
---@param options { name: string?, track: "inbound"|"outbound"|"both"|nil, duplex: boolean?, parameters: table?, callback: { url: string, method: string? }?, timeout: number? }?
---@return moonline.Stream?
---@return "taken"|"limit"|"invalid"|"state"|nil why
---@return string? text
function stream.open(leg, target, options)
  options = STREAM(options)
  if type(target) ~= "string" or not target:match("^wss?://[^/?#]") then
    error("stream: a URL that begins with wss:// or ws:// expected", 2)
  end
  local track = TRACKS[options.track or "inbound"]
  if not track then error("stream: track is inbound, outbound or both", 2) end
  leg:ready()
  leg.streams = leg.streams or {}
  local sid, env = "MZ" .. crypto.random_hex(16), leg.env
  local self = setmetatable({
    leg = leg, sid = sid, name = options.name or sid, url = target, box = task.mailbox(),
    callback = options.callback, queue = callback.queue(env, leg.sid),
  }, Stream)
  if leg.streams[self.name] then return nil, "taken", self.name .. " is streaming already" end
  local feed, why, text = house.feed {
    leg = leg.core, client = env.client, url = target, box = self.box, sid = sid,
    call_sid = leg.sid, account_sid = env.config.account_sid, tracks = track,
    duplex = options.duplex, parameters = parameters(options.parameters),
    timeout = options.timeout or env.config.webhook.connect_timeout,
    headers = {
      "User-Agent: moonline/" .. version,
      "X-Twilio-Signature: " .. signature.of(env.config.auth_token, target),
    },
  }
  if not feed then return nil, why, text end
  self.feed = feed
  leg.streams[self.name] = self
  if options.duplex then
    leg:on("dtmf", function(digit)
      if not self.over then feed:digit(digit) end
    end)
  end
  task.spawn(watch, self, env.work:hold()):name("stream " .. sid)
  return self
end

---Ends all streams of a leg that is over.
---@param leg moonline.Leg
function stream.stop_all(leg)
  for _, one in pairs(leg.streams or {}) do one:stop() end
end

return stream

-- What happens in all calls, told to readers outside (/v1/events) as server-sent events. A reader that
-- falls behind is cut, and who comes back soon gets what was told in between.

local json = require "dkjson"
local log = require "moonline.log"
local plain = require "moonline.plain"
local task = require "moonline.core.task"

local BEAT = 15 -- seconds between two comments, which keep proxies from closing what is quiet
local LINGER = 60 -- seconds that events are kept for, when the last reader has left
local OWED = 256 * 1024 -- bytes that a reader may be behind
local READERS = 20
local KEPT, KEPT_BYTES = 1000, 1024 * 1024 -- events, for who comes back
local DEPTH = 4 -- of tables in an event
local ORDER = { "kind", "time", "call", "parent" } -- of what comes first in an event

local HEADERS = {
  { "Content-Type", "text/event-stream; charset=utf-8" }, { "Cache-Control", "no-store" },
  { "X-Accel-Buffering", "no" },
}
local GREETING = ": what happens in all calls\nretry: 2000\n\n"

---@class moonline.Broadcast
---@field server moonline.Server
---@field readers moonline.HttpRequest[]
---@field is_on boolean events are told: there is a reader, or was one a moment ago
local Broadcast = {}
Broadcast.__index = Broadcast

local broadcast = {}

-- RFC 3339, in milliseconds.
local function moment(seconds)
  return ("%s.%03dZ"):format(os.date("!%Y-%m-%dT%H:%M:%S", seconds // 1 | 0),
    seconds % 1 * 1000 // 1)
end

local function encode(event)
  local copy = plain(event, DEPTH) -- handles in it are nobody's business outside
  copy.time = moment(task.time() - task.clock() + event.time)
  return json.encode(copy, { keyorder = ORDER })
end

local function forget(self)
  self.kept, self.first, self.bytes = {}, self.last + 1, 0
end

local function keep(self, text)
  self.last = self.last + 1
  local frame = ("id: %s%d\n%s"):format(self.prefix, self.last, text)
  self.kept[self.last], self.bytes = frame, self.bytes + #frame
  while self.last - self.first >= KEPT or self.bytes > KEPT_BYTES and self.first < self.last do
    self.bytes = self.bytes - #self.kept[self.first]
    self.kept[self.first] = nil
    self.first = self.first + 1
  end
  return frame
end

-- To a reader; false when it is gone, or cut because it does not read.
local function write(reader, text)
  local owed = reader:queued()
  if owed and owed + #text > OWED then
    log.warning("a reader of /v1/events is cut: it is %d bytes behind", owed)
    reader:drop()
    return false
  end
  return owed and reader:write(text)
end

local function to_all(self, text)
  local there = {}
  for _, reader in ipairs(self.readers) do
    if write(reader, text) then there[#there + 1] = reader else reader:close() end
  end
  self.readers = there
end

-- What was told since, for a reader that comes back: all of it, or a word that some is lost.
local function since(self, id)
  local number = id and id:sub(1, #self.prefix) == self.prefix
    and math.tointeger(tonumber(id:sub(#self.prefix + 1)))
  if not id then return "" end
  if not number or number < self.first - 1 or number > self.last then
    return ("event: lost\ndata: %s\n\n"):format(json.encode { kind = "lost", after = plain(id, 0) })
  end
  return table.concat(self.kept, "", number + 1, self.last)
end

-- The generations tell what happens from now on, or not any more.
local function switch(self, on)
  self.is_on = on
  for _, one in pairs(self.server.generations) do one:deliver("observe", on) end
end

local function beat(self)
  to_all(self, ": \n\n")
  local now = task.clock()
  if #self.readers > 0 or not self.read_at then self.read_at = now end
  if now - self.read_at < LINGER then
    self.timer = task.timer(BEAT, self.server.box, { kind = "beat" })
    return
  end
  self.read_at = nil
  switch(self, false)
  forget(self)
end

-- A request that is answered as long as it is read. id: the last event that was seen.
local function add(self, reader, id)
  if #self.readers >= READERS then
    reader:respond(503, { { "Retry-After", "10" } }, ("%d read already\n"):format(READERS))
    return
  end
  if not self.is_on then
    forget(self)
    switch(self, true)
    beat(self)
  end
  if reader:begin(200, HEADERS) and reader:write(GREETING .. since(self, id)) then
    table.insert(self.readers, reader)
  end
end

---What the server is told: its readers, and what is for them.
---@param event table
function Broadcast:take(event)
  if event.kind == "reader" then
    add(self, event.request, event.last)
  elseif event.kind == "beat" then
    beat(self)
  elseif self.is_on and event.kind ~= "message" then -- SIP in full is the trace's
    to_all(self, keep(self, ("event: %s\ndata: %s\n\n"):format(event.kind, encode(event))))
  end
end

---The end: readers get what was told, and no more.
function Broadcast:close()
  if self.timer then self.timer:close() end
  for _, reader in ipairs(self.readers) do reader:finish() end
  self.readers, self.is_on = {}, false
end

---@param server moonline.Server
---@return moonline.Broadcast
function broadcast.open(server)
  local self = setmetatable({ server = server, readers = {}, is_on = false, last = 0,
    prefix = ("%d-"):format(task.time() * 1000 // 1) }, Broadcast)
  forget(self)
  server:observe(function(event) self:take(event) end)
  return self
end

return broadcast

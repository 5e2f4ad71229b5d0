-- Server-sent events (/v1/events) as one reads them: `for event in subscription.next, one do`.

local json = require "dkjson"
local task = require "moonline.core.task"

local AWAY = 45 -- seconds without a word, comments included: the server is gone
local EVER = 86400 -- seconds that a stream is read at most
local HELD = 65536 -- pieces that may wait

---@class moonline.Subscription
---@field client moonline.HttpClient
---@field box moonline.Mailbox
---@field op integer
---@field text string what has come of the next event
---@field id string? of the last event
---@field over moonline.Event? the answer has ended
local Subscription = {}
Subscription.__index = Subscription

local subscription = {}

local function read(self)
  local event = self.box:wait { "piece", "response" }
  if event.kind == "piece" then
    self.text = self.text .. event.bytes
  else
    self.over = event
  end
end

---The next event; nil when the stream has ended.
---@return table?
function Subscription:next()
  while true do
    local frame, rest = self.text:match("^(.-)\n\n(.*)$")
    if frame then
      self.text = rest
      local data = ("\n" .. frame):match("\ndata: ([^\n]*)")
      self.id = frame:match("^id: ([^\n]*)") or self.id
      if data then return (json.decode(data)) end
    elseif self.over then
      return nil
    else
      read(self)
    end
  end
end

---Reads no further. Closing twice is fine.
function Subscription:close()
  if not self.over then self.client:cancel(self.op) end
  self.over = self.over or { kind = "response" }
end

Subscription.__close = Subscription.close

---Opens a stream: from here on nothing is missed.
---@param client moonline.HttpClient
---@param url string
---@param headers string[] lines
---@return moonline.Subscription? it has __close
---@return moonline.Event? response how the server answered instead
function subscription.open(client, url, headers)
  local box = task.mailbox(HELD)
  local self = setmetatable({ client = client, box = box, text = "" }, Subscription)
  self.op = client:fetch({ url = url, headers = headers, pieces = true, timeout = EVER,
    read_timeout = AWAY }, box)
  read(self) -- the greeting
  if self.over then return nil, self.over end
  return self
end

return subscription

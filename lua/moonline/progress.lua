-- How a call goes, in lines for the one who watches: made of the events of a server.

local task = require "moonline.core.task"

---@class moonline.Progress
---@field sid string of the call that is watched; others are those it has called
---@field began number
---@field names table<string, string> whom it has called, by sid
local Progress = {}
Progress.__index = Progress

local progress = {}

-- What is said of an event, by its kind; nothing of others.
---@type table<string, fun(self: moonline.Progress, event: table): string?>
local says = {}

function says.status(self, event)
  if event.call == self.sid then return event.status end
  self.names[event.call] = event.to
  return ("%s: %s"):format(event.to, event.status)
end

function says.verb(_, event)
  return ("<%s> (line %d)"):format(event.name, event.line or 0)
end

function says.webhook(_, event)
  return ("%s %s (%s)"):format(event.method, event.url, event.what)
end

function says.answer(_, event)
  return ("answered with %s"):format(event.status)
end

function says.sound(_, event)
  if event.say then return ("says: %s"):format(event.say) end
  if event.url then return ("plays %s"):format(event.url) end
  return event.digits and ("plays the keys %s"):format(event.digits) or nil
end

function says.digit(_, event)
  return "key " .. event.digit
end

function says.bridged(self, event)
  return "talks with " .. (self.names[event.child] or event.child)
end

function says.recording(_, event)
  return "recorded as " .. event.sid
end

function says.enqueued(_, event)
  return "waits in the queue " .. event.name
end

function says.conference(_, event)
  return "is in the conference " .. event.name
end

function says.warning(_, event)
  return ("warning %d: %s"):format(event.code, event.text)
end

function says.failure(_, event)
  return ("error %d: %s"):format(event.code, event.text)
end

---The line about an event; nil: there is nothing to say.
---@param event table
---@return string?
function Progress:line(event)
  local text = says[event.kind] and says[event.kind](self, event)
  return text and ("%7.1f  %s"):format(task.clock() - self.began, text)
end

---@param sid string
---@return moonline.Progress
function progress.new(sid)
  return setmetatable({ sid = sid, began = task.clock(), names = {} }, Progress)
end

return progress

-- What one hears who waits in a room, until the room has something to say.

local session = require "moonline.twiml.session"
local task = require "moonline.task"

local hold = {}

-- Our own music: chords of three that follow one another, on and on.
local MUSIC = {
  tone = "262+330+392/1600,220+262+330/1600,175+262+349/1600,196+247+392/1600,"
    .. "262+330+523/1600,220+330+440/1600,294+349+440/1600,196+294+392/1600",
  ms = 0, level = -24,
}

---Our own music, until something comes.
---@param call moonline.Leg
function hold.music(call)
  call:play_low(MUSIC)
end

---What `wait` of a script's options means: nil is music, false silence, else what Leg:play takes,
---again and again.
---@param call moonline.Leg
---@param wait any
---@return fun()
function hold.sound(call, wait)
  return function()
    if wait == nil then return hold.music(call) end
    while wait do
      local begun = task.clock()
      call:play(wait)
      if task.clock() == begun then call:wait({}, 1) end -- nothing of it can be played
    end
  end
end

---Does fn until a room event comes, and gives that back. fn ends first: silence from then on. Whatever
---else ends it is raised again.
---@param call moonline.Leg
---@param fn fun()
---@return moonline.Event
function hold.during(call, fn)
  local due = call.box:wait({ "room" }, 0)
  if due then return due end
  local ok, value = task.catch(fn)
  if not call.ended then call.core:stop() end
  if ok then return call:wait { "room" } end
  if value.kind == "room" then return value end
  return task.unwind(value)
end

---Documents that run on a waiting call: rules are the verbs that may be in them.
---@param parent moonline.Session
---@param rules moonline.document.Rules
---@return moonline.Session
function hold.session(parent, rules)
  return session.new(parent.call, { base = parent.base, rules = rules })
end

return hold

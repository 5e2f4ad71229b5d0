-- Which files a generation is made of, and when a change among them has settled.

local log = require "moonline.log"
local sys = require "moonline.core.sys"
local task = require "moonline.task"

local SETTLE = 0.2 -- seconds: a file changed again within waits once more
local LATEST = 0.8 -- seconds after the first change it is loaded whatever happens

---@class moonline.Watching
local Watching = {}
Watching.__index = Watching

local watch = {}

local function add(list, path)
  if path then list[#list + 1] = path end
end

---Folders and files whose change means a new generation.
---@param config table
---@param lua string? folder of the policy's sources
---@return string[]
function watch.paths(config, lua)
  local paths = { (lua or sys.lua_dir()) .. "/moonline" }
  for _, folder in ipairs(config.twiml.verbs) do add(paths, folder) end
  local routes = { config.voice }
  for _, route in pairs(config.numbers) do routes[#routes + 1] = route end
  for _, route in ipairs(routes) do
    add(paths, route.script)
    add(paths, route.twiml)
  end
  return paths
end

-- Editors and builds leave more behind than what is loaded.
local function counts(path)
  return path:match("%.lua$") or path:match("%.xml$") or not path:match("/[^/]*[~.][^/]*$")
end

---A change was seen: {kind="settled"} follows once it is quiet.
---@param path string
function Watching:note(path)
  if not counts(path) then return end
  local now = task.clock()
  self.first = self.first or now
  if self.timer then self.timer:close() end
  local wait = math.max(0, math.min(SETTLE, self.first + LATEST - now))
  self.timer = task.timer(wait, self.box, { kind = "settled" })
end

---The change was loaded.
function Watching:settled()
  self.first = nil
end

---One more file or folder that the policy depends on.
---@param path string
function Watching:follow(path)
  if not self.handle or self.followed[path] then return end
  self.followed[path] = self.handle:add(path) and true
end

function Watching:close()
  if self.timer then self.timer:close() end
  if self.handle then self.handle:close() end
end

---@param config table
---@param box moonline.Mailbox gets "changed" for every change, and "settled"
---@param lua string? folder of the policy's sources
---@return moonline.Watching
function watch.open(config, box, lua)
  local self = setmetatable({ box = box, followed = {} }, Watching)
  local why, text
  self.handle, why, text = sys.watch(watch.paths(config, lua), box)
  if not self.handle then
    log.warning("changed files are not noticed, only SIGHUP loads them: %s", text or why)
  end
  return self
end

return watch

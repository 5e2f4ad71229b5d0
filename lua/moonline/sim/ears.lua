-- What a party hears, kept in a WAV file from the moment it may hear something.

local task = require "moonline.task"

---@class moonline.Ear
---@field path string
---@field begun number clock at the first sample
---@field recorder moonline.Recorder
local Ear = {}
Ear.__index = Ear
Ear.__name = "moonline.Ear"

local ears = {}

local PATIENCE = 10 -- seconds that the end of a file may take

---Begins to listen. nil while there is no audio to listen to.
---@param media moonline.Media
---@param leg moonline.Leg the party's own side
---@param seconds number that are kept
---@param path string
---@return moonline.Ear?
function ears.open(media, leg, seconds, path)
  if leg.ear or not leg.core:stats() then return leg.ear end
  local box = task.mailbox()
  local recorder = media:record { path = path, left = leg.core, max = seconds, box = box }
  if not recorder then return nil end
  leg.ear = setmetatable({ path = path, box = box, recorder = recorder, begun = task.clock() }, Ear)
  return leg.ear
end

---Finishes the file.
function Ear:close()
  if self.closed then return end
  self.closed = true
  self.recorder:stop()
  self.box:wait({ "recorded" }, PATIENCE)
  self.recorder:close()
end

Ear.__close = Ear.close

return ears

-- Copies of the policy with a bug in them, each a known one: places in files, and what they become.
--
--   local folder <close> = mutants.make(mutants.list[1])
--   moonline.server(config, { lua = folder.path })
local changing = require "support.changing"
local lfs = require "lfs"
local process = require "support.process"

local mutants = {}

local LUA = process.root .. "/lua/moonline/"

-- scenario: of spec/sim/races.lua; rule: of moonline.sim.explore.judge that must be broken.
mutants.list = {
  { name = "a zombie leg after CANCEL and 200", scenario = "timeout", rule = "left",
    { "dial/ring.lua", [[
    own.core:hangup()
    return finish(child, await_end(child))
  elseif]], [[
    return finish(child, { kind = "failed", cause = "local", code = 487 })
  elseif]] },
    { "dial/ring.lua", [[
      child.leg.core:close()
]], "\n" } },
  { name = "a doubled final callback", scenario = "plain", rule = "callbacks",
    { "webhook/status.lua", "  self.events[event] = nil\n",
      '  if event ~= "completed" then self.events[event] = nil end\n' },
    { "dial/ring.lua", "    own:forget()\n",
      '    if child.stopping then child.events:tell("completed", { status = "canceled" }) end\n'
        .. "    own:forget()\n" } },
  { name = "no action when the caller leaves", scenario = "plain", rule = "action",
    { "dial/init.lua", "  if action and call.ended then\n",
      "  if call.ended then\n  elseif false then\n" } },
  { name = "a wrong sequence number after busy", scenario = "busy", rule = "callbacks",
    { "webhook/status.lua", '{ "SequenceNumber", hook.sequence }',
      '{ "SequenceNumber", hook.sequence + (result.status == "busy" and 1 or 0) }' } },
  { name = "a screened leg that is not ended", scenario = "screening", rule = "prompt",
    { "dial/init.lua", [[
    self.call:over(event)
    self:stop_all()]], [[
    self.call:over(event)
    if not self.winner or self.winner_ready then self:stop_all() end]] } },
  { name = "a ringback that is not stopped", scenario = "plain", rule = "audio",
    { "dial/init.lua", "  if self.ringing then self.call.core:stop() end\n", "" } },
  { name = "a refused password tried without end", scenario = "a refused password",
    rule = "endless",
    { "dial/ring.lua", "  own.ended, own.state = event, \"ended\"\n", [[
  if event.code == 401 then
    own.core:close()
    return call(child)
  end
  own.ended, own.state = event, "ended"
]] }, { "dial/ring.lua", "local function call(child)", "local call\nfunction call(child)" } },
  { name = "a recording that is not finished", scenario = "recorded", rule = "recording",
    { "dial/record.lua", "if not dial.recording or child ~= dial.winner or not child.leg then",
      "if not dial.recording or not child.leg or dial.call.ended then" },
    { "dial/record.lua", "  if dial.recording then dial.recording:stop() end\nend\n\n---What the",
      "end\n\n---What the" } },
  { name = "a timer that is not cancelled", scenario = "plain", rule = "left",
    { "dial/init.lua", "  self.timer:close()\n  self.limit", "  self.limit" },
    { "dial/init.lua", "  self.timer:close()\n  if self.limit", "  if self.limit" } },
  { name = "a generation that is not freed", scenario = "plain", rule = "left",
    { "background.lua", "function background.close()\n", [[
function background.close()
  task.mailbox():wait()
]] } },
}

-- Every place must be there, once: a mutant that is none would prove nothing.
local function changed(text, place)
  local first, last = text:find(place[2], 1, true)
  assert(first, place[1] .. " has changed: the mutant's place is not there")
  assert(not text:find(place[2], last + 1, true), place[1] .. ": the mutant's place is there twice")
  return text:sub(1, first - 1) .. place[3] .. text:sub(last + 1)
end

---A folder for the policy with the mutant's files. Hold it with <close>.
---@param mutant table
---@return { path: string }
function mutants.make(mutant)
  local folder, texts = changing.folder(), {}
  lfs.mkdir(folder.path .. "/moonline")
  for _, place in ipairs(mutant) do
    local name = place[1]
    texts[name] = changed(texts[name] or changing.read(LUA .. name), place)
  end
  for name, text in pairs(texts) do
    local inner = name:match("^(.*)/")
    if inner then lfs.mkdir(("%s/moonline/%s"):format(folder.path, inner)) end
    changing.write(("%s/moonline/%s"):format(folder.path, name), text)
  end
  return folder
end

return mutants

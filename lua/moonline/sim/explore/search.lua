-- Which schedules are tried: first each step that can be taken in the call as it goes by itself, then
-- two things at once, then random mixes of all that was seen.

local acts = require "moonline.sim.explore.acts"
local dice = require "moonline.sim.explore.dice"
local labels = require "moonline.sim.explore.labels"

local search = {}

local T1 <const> = 0.6 -- seconds: after the first repetition
local T1X64 <const> = 33 -- after the last
local SLOW <const> = 16 -- an answer of the web application that comes too late
local GAP <const> = 0.2 -- seconds in which nothing happens: something may happen in between
local MOMENT <const> = 0.02
local REACH <const> = 4 -- messages that one can be late by

---What the search knows of the calls it has seen: labels in the order in which they appeared.
---@class moonline.SimKnown
---@field entries moonline.SimTrace[]
---@field parties string[]

-- ---- single steps -----------------------------------------------------------------------------

local function message_steps(entry, i, entries, add)
  local label = entry.label
  local party, direction, what = labels.read(label)
  add { drop = label }
  add { drop = label, all = true }
  add { delay = label, by = T1 }
  add { delay = label, by = T1X64 }
  add { twice = label }
  add { twice = label, by = T1 }
  for j = i + 1, math.min(i + REACH, #entries) do
    add { delay = label, past = entries[j].label, by = entries[j].time - entry.time + T1 }
  end
  if direction == ">" and what == "200 INVITE" then add { fork = label } end
  if direction == ">" and party ~= "someone" then add { cut = label } end
end

-- A callback that is refused is told again much later: that is not this call's any more.
local function request_steps(entry, add)
  add { delay = entry.label, by = 1 }
  local is_callback = entry.params.CallbackSource or entry.params.RecordingStatus
  if is_callback then return end
  add { delay = entry.label, by = SLOW }
  add { drop = entry.label }
end

-- Something happens with this one, or half-way to the next, or just when the next is due.
local function act_steps(entry, next_one, names, add)
  local gap = next_one and next_one.time - entry.time or 0
  for _, act in ipairs(names) do
    add { at = entry.label, act = act }
    if gap > GAP then
      add { at = entry.label, after = gap / 2, act = act }
      add { at = entry.label, after = gap, act = act }
    end
  end
end

local function act_names(known)
  local names = { "reload" }
  for _, party in ipairs(known.parties) do
    for _, act in ipairs(acts.of(party)) do names[#names + 1] = act end
  end
  return names
end

---Every single step.
---@param known moonline.SimKnown
---@return moonline.SimStep[]
function search.steps(known)
  local list, entries, names = {}, known.entries, act_names(known)
  local function add(step) list[#list + 1] = step end
  for i, entry in ipairs(entries) do act_steps(entry, entries[i + 1], names, add) end
  for i, entry in ipairs(entries) do
    if entry.params then request_steps(entry, add) else message_steps(entry, i, entries, add) end
  end
  return list
end

-- ---- two at once ------------------------------------------------------------------------------

-- Something happens while a message is held back: its news crosses that message.
local function crossings(known, add)
  for _, entry in ipairs(known.entries) do
    for _, act in ipairs(act_names(known)) do
      local held = entry.params and 1 or MOMENT
      add { { at = entry.label, act = act }, { delay = entry.label, by = held } }
    end
  end
end

-- Two things happen at the same instant, in both orders.
local function coincidences(known, add)
  local names = act_names(known)
  for i, entry in ipairs(known.entries) do
    local next_one = known.entries[i + 1]
    local after = next_one and next_one.time - entry.time > GAP and MOMENT or nil
    for _, first in ipairs(names) do
      for _, second in ipairs(names) do
        if first ~= second then
          add { { at = entry.label, after = after, act = first },
            { at = entry.label, after = after, act = second } }
        end
      end
    end
  end
end

-- ---- all of them ------------------------------------------------------------------------------

local function mix(steps, roll)
  local list = {}
  for i = 1, 1 + roll(3) do list[i] = steps[roll(#steps)] end
  return list
end

---Schedules without end. known() is what is known by now.
---@param known fun(): moonline.SimKnown
---@param seed integer
---@return fun(): moonline.SimStep[] next
function search.schedules(known, seed)
  return coroutine.wrap(function()
    local roll, yield = dice.new(seed), coroutine.yield
    for _, step in ipairs(search.steps(known())) do yield { step } end
    crossings(known(), yield)
    local pairs_of = {}
    coincidences(known(), function(list) pairs_of[#pairs_of + 1] = list end)
    dice.shuffle(pairs_of, roll)
    while true do -- by turns: there are many pairs, and the mixes find other things
      local pair = table.remove(pairs_of)
      if pair then yield(pair) end
      yield(mix(search.steps(known()), roll))
    end
  end)
end

return search

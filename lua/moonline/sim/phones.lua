-- What the phones of a simulation do: each as moonline.sim.description has it.

local challenge = require "moonline.sim.challenge"
local fields = require "moonline.fields"
local moonline_call = require "moonline.call"
local source = require "moonline.source"
local suggest = require "moonline.twiml.suggest"
local task = require "moonline.task"

---What a stage lends to the phones of a call.
---@class moonline.SimTools
---@field connected fun() to be called once a phone may hear something
---@field tamper moonline.SimTamper? when phones.tamper asks for it
---@field beside moonline.Group ends with the call
---@field draw fun(what: string, range: number|number[]): number

local phones = {}

local PASSWORD <const> = "simulation"
local UNKNOWN = { rings = 1, hangs_up_after = 5 }
local PAUSE = 0.5 -- seconds between what one hears and the key

-- ---- registering ------------------------------------------------------------------------------

---Who of them logs in with the server, for its sip.users: name -> password.
---@param specs table<string, moonline.SimPhone>?
---@return table<string, string>
function phones.users(specs)
  local users = {}
  for name, spec in pairs(specs or {}) do
    if spec.registers then users[name] = spec.registers == true and PASSWORD or spec.registers end
  end
  return users
end

local Logins = {}
Logins.__index = Logins

---Takes the registrations back.
function Logins:leave()
  for _, one in ipairs(self) do one:leave() end
end

function Logins:__close()
  for _, one in ipairs(self) do one:close() end
end

---Registers those that do so. Raises when the server refuses one.
---@param agent moonline.Phone
---@param server moonline.Server
---@param specs table<string, moonline.SimPhone>
---@return { leave: fun(self) } logins hold it with <close>
function phones.register(agent, server, specs)
  local logins = setmetatable({}, Logins)
  local users = phones.users(specs)
  for _, name in ipairs(suggest.keys(users)) do
    local one, why, detail = agent:register(server:uri(name), { password = users[name] })
    if not one then error(("%s cannot register: %s %s"):format(name, why, detail), 0) end
    logins[#logins + 1] = one
  end
  return logins
end

-- ---- being called -----------------------------------------------------------------------------

local PAYLOADS = { PCMU = 0, PCMA = 8 }

-- A description with one codec and the keys.
local function only(sdp, codec)
  return (sdp:gsub("(m=audio %d+ %S+) [^\r\n]*", ("%%1 %d 101"):format(PAYLOADS[codec] or 0)))
end

-- What happens while it talks: { seconds after the answer, what }.
local deeds = {}

function deeds.holds(add, spec, tools)
  local after = tools.draw("holds", spec.after)
  add(after, function(call) call.core:hold(true) end)
  if spec.seconds then
    add(after + tools.draw("resumes", spec.seconds), function(call) call.core:hold(false) end)
  end
end

function deeds.refers(add, spec, tools)
  add(tools.draw("refers", spec.after), function(call) call:refer(spec.to) end)
end

function deeds.changes_codec(add, spec, tools)
  add(tools.draw("changes", spec.after), function(call)
    tools.tamper:describe(call, function(sdp) return only(sdp, spec.to) end)
    call.core:hold(false)
  end)
end

function deeds.hangs_up_after(add, after, tools)
  add(tools.draw("hangs up", after), function(call) call:hangup() end)
end

local function agenda(spec, tools)
  local list = {}
  local function add(at, act) list[#list + 1] = { at = at, act = act, place = #list } end
  for _, name in ipairs(suggest.keys(deeds)) do
    if spec[name] then deeds[name](add, spec[name], tools) end
  end
  table.sort(list, function(a, b) return a.at < b.at or a.at == b.at and a.place < b.place end)
  return list
end

-- The room around a phone that always sends: a hum as quiet as one.
local function hum(call)
  call.core:play { tone = "100", ms = 0, level = -50 }
end

-- Waits so long, or until the other side hangs up. What it plays meanwhile may end.
local function idle(call, spec, seconds)
  if not spec.sends then return call:wait({}, seconds) end
  local limit = seconds and task.clock() + seconds
  repeat
    local event = call:wait("played", limit and math.max(0, limit - task.clock()))
    if event and event.why ~= "stopped" then hum(call) end
  until not event
end

-- Does what a connected phone does, until the other side hangs up.
local function talk(call, spec, tools)
  local begun = task.clock()
  if spec.says then
    local is_file = spec.says:match("%.wav$") or spec.says:match("%.mp3$")
    local item = is_file and { file = spec.says } or { say = spec.says }
    local low, _, why = source.prepare(call, item)
    if not low or not call.core:play(low) then
      error(("it cannot say %q: %s"):format(spec.says, why or "no such file"), 0)
    end
  elseif spec.sends then
    hum(call)
  end
  for _, entry in ipairs(agenda(spec, tools)) do
    idle(call, spec, math.max(0, begun + entry.at - task.clock()))
    entry.act(call)
  end
  idle(call, spec)
end

local function refusal(spec)
  return spec.code or spec.busy and 486 or spec.declines and 603 or spec.forwards and 302 or nil
end

-- What the wire does with its messages.
local function tamper(call, spec, tools)
  if spec.sdp then tools.tamper:describe(call, function() return spec.sdp end) end
  if spec.vanishes_after then
    tools.beside:spawn(function()
      task.sleep(tools.draw("vanishes", spec.vanishes_after))
      tools.tamper:silence(call)
    end)
  end
end

---Does anything of theirs need hands on the wire?
---@param specs table<string, moonline.SimPhone>
---@return boolean
function phones.tamper(specs)
  for _, spec in pairs(specs) do
    if spec.sdp or spec.vanishes_after or spec.changes_codec then return true end
  end
  return false
end

---What a phone does with a call that comes in.
---@param call moonline.Leg
---@param spec moonline.SimPhone? nil: nobody described it
---@param tools moonline.SimTools
function phones.take(call, spec, tools)
  spec = spec or UNKNOWN
  local answer = call.answer
  function call.answer(...)
    answer(...)
    tools.connected()
  end
  tamper(call, spec, tools)
  if spec.run then return spec.run(call) end
  local refused, challenges
  if spec.asks_for then refused, challenges = challenge.of(call, spec.asks_for) end
  if refused then return call.core:reject(refused, nil, challenges) end
  local rings, code = tools.draw("rings", spec.rings or 1), refusal(spec)
  if rings > 0 then
    call:ring()
    call:wait({}, rings)
  end
  if code then
    local headers = spec.forwards and { { "Contact", ("<%s>"):format(spec.forwards) } }
    return call.core:reject(code, nil, headers)
  end
  if spec.answers == false then return call:wait({}) end
  call:answer(fields.list(spec.headers))
  talk(call, spec, tools)
end

-- ---- calling ----------------------------------------------------------------------------------

---The caller's part: why it was not taken, nil when it was.
---@param call moonline.Leg in state "calling"
---@param spec moonline.SimPhone
---@param longest number seconds
---@param tools moonline.SimTools
---@return string?
function phones.call(call, spec, longest, tools)
  tamper(call, spec, tools)
  local patience = spec.gives_up_after and tools.draw("gives up", spec.gives_up_after) or longest
  local taken, word, code = moonline_call.await(call, patience, tools.connected)
  if not taken then return ("%s (%s)"):format(word, code) end
  task.catch(spec.run or talk, call, spec, tools)
end

---The keys that a phone presses on hearing these words.
---@param spec moonline.SimPhone?
---@param words string
---@return string?
function phones.hears(spec, words)
  local presses = spec and spec.presses or {}
  for _, wanted in ipairs(suggest.keys(presses)) do
    if words:find(wanted, 1, true) then return presses[wanted] end
  end
  return nil
end

---Presses keys, half a second after what it heard began. Waits until it does.
---@param call moonline.Leg
---@param keys string
---@return boolean pressed false: the call was over
function phones.press(call, keys)
  task.sleep(PAUSE)
  return not call.ended and call.core:play { digits = keys, loops = 1 } ~= nil
end

return phones

-- Phones of a simulation, as a file describes them:
--
--   bob { rings = 3, presses = { ["Press 1"] = "1" }, hangs_up_after = 10 }
--   caller { says = "hello.wav", hangs_up_after = 20 }
--   kate(function(call) call:answer() call:say("Hello.") call:hangup() end)
--
-- A name is the user part of the dialled URI, whatever its host; `caller` is who calls moonline.
-- Parties that no file describes ring 1 s, answer, and talk 5 s.

local draw = require "moonline.sim.draw"
local fields = require "moonline.fields"
local moonline_call = require "moonline.call"
local suggest = require "moonline.twiml.suggest"
local task = require "moonline.task"

---@class moonline.SimPhone
---@field rings number|number[]? seconds; default 1; of two one between them, drawn from the seed
---@field answers boolean? false: it rings until the other side gives up
---@field busy boolean? 486
---@field declines boolean? 603
---@field code integer? refuses with this SIP code
---@field forwards string? 302 to this URI
---@field headers table<string, string>? of its 200; of the caller: of its INVITE
---@field says string? what it plays or says once it is connected: a file, or words
---@field presses table<string, string>? words it waits for in what it hears -> keys
---@field hangs_up_after number|number[]? seconds after the answer; a callee of no description: 5
---@field from string? of the caller: its user part
---@field dials string? of the caller: the user part it calls
---@field gives_up_after number|number[]? of the caller: seconds until it cancels a call nobody answers
---@field registers boolean|string? it logs in with the server as this user; a password
---@field holds { after: number, seconds: number? }? puts the other side on hold
---@field refers { after: number, to: string }? asks the other side to call somebody else
---@field run (fun(call: moonline.Leg))? does it all itself

local phones = {}

local PASSWORD <const> = "simulation"
local UNKNOWN = { rings = 1, hangs_up_after = 5 }
local PAUSE = 0.5 -- seconds between what one hears and the key

local FIELDS = {
  rings = "time", answers = "boolean", busy = "boolean", declines = "boolean", code = "number",
  forwards = "string", headers = "table", says = "string", presses = "table",
  hangs_up_after = "time", from = "string", dials = "string", gives_up_after = "time",
  registers = "login", holds = "table", refers = "table",
}
local WORDS = {
  time = "a number of seconds, or { least, most }", login = "true or a password",
}

local fits = {}

function fits.time(value)
  if type(value) ~= "table" then return type(value) == "number" end
  return type(value[1]) == "number" and type(value[2]) == "number" and value[1] <= value[2]
end

function fits.login(value)
  return value == true or type(value) == "string"
end

---What a description says, checked; raises at `level` when it is wrong.
---@param name string
---@param spec table|function
---@param level integer? 2: where the caller of this function is
---@return moonline.SimPhone
function phones.check(name, spec, level)
  level = (level or 2) + 1
  if type(spec) == "function" then return { run = spec } end
  if type(spec) ~= "table" then error(name .. ": a table or a function is expected", level) end
  for field, value in pairs(spec) do
    local wanted = FIELDS[field]
    if not wanted then
      local near = suggest.nearest(tostring(field), suggest.keys(FIELDS))
      error(("%s: a phone has no %s%s"):format(name, field,
        near and (" (did you mean %s?)"):format(near) or ""), level)
    end
    local fit = fits[wanted] or function() return type(value) == wanted end
    if not fit(value) then
      error(("%s: %s is %s"):format(name, field, WORDS[wanted] or "a " .. wanted), level)
    end
  end
  return spec
end

---Reads a file of phones: name -> description. nil and "file:line: message" when it is wrong.
---@param path string
---@return table<string, moonline.SimPhone>?, string? why
function phones.read(path)
  local found = {}
  local function describe(name)
    return function(spec) found[name] = phones.check(name, spec, 2) end
  end
  local env = setmetatable({}, { __index = function(_, name)
    if _G[name] ~= nil then return _G[name] end
    return name == "phone" and describe or describe(name)
  end })
  local chunk, problem = loadfile(path, "t", env)
  if not chunk then return nil, problem end
  local ok, why = pcall(chunk)
  if not ok then return nil, tostring(why) end
  return found
end

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

-- What happens while it talks: { seconds after the answer, what }.
local deeds = {}

function deeds.holds(add, spec)
  local after = draw(spec.after)
  add(after, function(call) call.core:hold(true) end)
  if spec.seconds then
    add(after + draw(spec.seconds), function(call) call.core:hold(false) end)
  end
end

function deeds.refers(add, spec)
  add(draw(spec.after), function(call) call:refer(spec.to) end)
end

function deeds.hangs_up_after(add, after)
  add(draw(after), function(call) call:hangup() end)
end

local function agenda(spec)
  local list = {}
  local function add(at, act) list[#list + 1] = { at = at, act = act, place = #list } end
  for _, name in ipairs(suggest.keys(deeds)) do
    if spec[name] then deeds[name](add, spec[name]) end
  end
  table.sort(list, function(a, b) return a.at < b.at or a.at == b.at and a.place < b.place end)
  return list
end

-- Does what a connected phone does, until the other side hangs up.
local function talk(call, spec)
  local begun = task.clock()
  if spec.says then
    local is_file = spec.says:match("%.wav$") or spec.says:match("%.mp3$")
    if is_file then call:play(spec.says) else call:say(spec.says) end
  end
  for _, entry in ipairs(agenda(spec)) do
    call:wait({}, math.max(0, begun + entry.at - task.clock()))
    entry.act(call)
  end
  call:wait {}
end

local function refusal(spec)
  return spec.code or spec.busy and 486 or spec.declines and 603 or spec.forwards and 302 or nil
end

---What a phone does with a call that comes in. connected() is called once it may hear something.
---@param call moonline.Leg
---@param spec moonline.SimPhone? nil: nobody described it
---@param connected fun()
function phones.take(call, spec, connected)
  spec = spec or UNKNOWN
  local answer = call.answer
  function call.answer(...)
    answer(...)
    connected()
  end
  if spec.run then return spec.run(call) end
  local rings, code = draw(spec.rings or 1), refusal(spec)
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
  talk(call, spec)
end

-- ---- calling ----------------------------------------------------------------------------------

---The caller's part: why it was not taken, nil when it was.
---@param call moonline.Leg in state "calling"
---@param spec moonline.SimPhone
---@param longest number seconds
---@param connected fun()
---@return string?
function phones.call(call, spec, longest, connected)
  local patience = spec.gives_up_after and draw(spec.gives_up_after) or longest
  local taken, word, code = moonline_call.await(call, patience, connected)
  if not taken then return ("%s (%s)"):format(word, code) end
  task.catch(spec.run or talk, call, spec)
end

---A phone hears words: it presses what it was told to.
---@param call moonline.Leg
---@param spec moonline.SimPhone?
---@param words string
---@return string? keys
function phones.hears(call, spec, words)
  for wanted, keys in pairs(spec and spec.presses or {}) do
    if words:find(wanted, 1, true) and not call.ended then
      call.core:play { digits = ("w"):rep(math.floor(PAUSE * 2)) .. keys, loops = 1 }
      return keys
    end
  end
  return nil
end

return phones

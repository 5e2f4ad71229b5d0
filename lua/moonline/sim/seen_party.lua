-- What a scenario expects of a party: the messages it got and sent, how its call ended, what it heard.

local expect = require "moonline.sim.expect"
local facts = require "moonline.sim.facts"
local failure = require "moonline.sim.failure"
local hearing = require "moonline.sim.hearing"
local suggest = require "moonline.twiml.suggest"

local NEAR <const> = 0.5 -- seconds from the begin of a prompt to its first sound
local TONE <const> = 0.2 -- seconds, when none are given

---@class moonline.SeenParty
---@field name string
---@field file string
---@field received moonline.Fact[]
---@field sends moonline.Fact[]
local Party = {}
Party.__index = Party

-- "INVITE" is a request, 486 a response, "200 BYE" one to that request.
local function of_title(what)
  if type(what) == "number" then return function(fact) return fact.code == what end end
  return function(fact) return fact.title == what end
end

---A SIP message came to it.
---@param what string|integer "INVITE", 486, "200 BYE"
---@param fields table<string, any>? headers, `uri`, and `body`: a text in it
---@param when table? as for asked
---@return moonline.Fact
function Party:got(what, fields, when)
  return expect.one(self, "got", tostring(what), self.received, of_title(what), fields, when)
end

---It sent a SIP message.
---@param what string|integer
---@param fields table<string, any>?
---@param when table?
---@return moonline.Fact
function Party:sent(what, fields, when)
  return expect.one(self, "sent", tostring(what), self.sends, of_title(what), fields, when)
end

---@param what string|integer
---@param fields table<string, any>?
function Party:never_got(what, fields)
  expect.none(self, "got", tostring(what), self.received, of_title(what), fields)
end

---@param what string|integer
---@param fields table<string, any>?
function Party:never_sent(what, fields)
  expect.none(self, "sent", tostring(what), self.sends, of_title(what), fields)
end

---It pressed these keys on hearing something.
---@param keys string
function Party:pressed(keys)
  local all = {}
  for _, event in ipairs(self.result.events) do
    if event.kind == "digit" and event.from == self.name then all[#all + 1] = event.digit end
  end
  for _, one in ipairs(all) do
    if one == keys then return end
  end
  failure.raise(self.file, self.name .. " pressed", keys, facts.joined(all, "nothing"))
end

---Its call came to this status: of the caller CallStatus, of others DialCallStatus.
---@param status string
---@param code integer? of SIP
function Party:ended(status, code)
  local all = {}
  for _, call in ipairs(self.result.calls) do
    if call.party == self.name then
      if call.status == status and (not code or call.code == code) then return end
      all[#all + 1] = facts.status(call.status, code and call.code)
    end
  end
  failure.raise(self.file, self.name .. " ended", facts.status(status, code),
    facts.joined(all, "no call"))
end

-- ---- what it heard ----------------------------------------------------------------------------

-- Its ears; raises when nothing was kept.
local function ears(self)
  local list = self.result.heard[self.name]
  if not list then
    failure.raise(self.file, self.name
      .. " heard nothing: its call was not connected, or listen is 0")
  end
  return list
end

-- What a phone says in which that text stands.
local function said_by_phone(self, text)
  for _, name in ipairs(suggest.keys(self.phones)) do
    local says = self.phones[name].says
    if says and says:find(text, 1, true) then return says end
  end
  return nil
end

-- Prompts in which that text stands: those that were played, and when it was to this party; else what
-- phones say; else the text, which nobody is known to say.
local function prompts(self, text, options)
  local list = {}
  for _, event in ipairs(self.result.events) do
    if event.kind == "play" and event.prompt and event.said:find(text, 1, true) then
      list[#list + 1] = { samples = hearing.read(event.prompt),
        time = event.at == self.name and event.time or nil, known = true }
    end
  end
  if #list > 0 then return list end
  local whole = said_by_phone(self, text)
  local samples, why = hearing.prompt(self.result.env, whole or text, options)
  if not samples then failure.raise(self.file, ("%q cannot be spoken: %s"):format(text, why)) end
  return { { samples = samples, known = whole ~= nil } }
end

-- A part of a prompt is that prompt when it was played just then, or broke off: another one may begin
-- with the same words.
local function is_heard(found, prompt, ear)
  if found.whole then return true end
  local is_then = prompt.time and math.abs(ear.begun + found.at - prompt.time) < NEAR
  return prompt.known and (is_then or found.quiet)
end

-- What was said to it, for failures.
local function said(self)
  local list = {}
  for _, event in ipairs(self.result.events) do
    if event.kind == "play" and event.at == self.name and event.said then
      list[#list + 1] = ("%q"):format(event.said)
    end
  end
  return #list > 0 and "it was told " .. table.concat(list, ", ") or "nothing was said to it"
end

-- Where it was heard, nil and what there was instead.
local function find_speech(self, text, options)
  local part
  for _, prompt in ipairs(prompts(self, text, options)) do
    for _, ear in ipairs(ears(self)) do
      local found = hearing.find(prompt.samples, hearing.samples(ear))
      if found and (found.whole or not options.whole) and is_heard(found, prompt, ear) then
        return { time = ear.begun - self.start + found.at, seconds = found.seconds,
          whole = found.whole }
      end
      part = part or found and ("its first %.1f s"):format(found.seconds)
    end
  end
  return nil, part or said(self)
end

local function find_tone(self, hz, seconds)
  local most = 0
  for _, ear in ipairs(ears(self)) do
    local found, at = hearing.tone(hearing.samples(ear), hz)
    if found >= seconds then
      return { time = ear.begun - self.start + at, seconds = found }
    end
    most = math.max(most, found)
  end
  return nil, ("%.2f s of it"):format(most)
end

local function find_silence(self, seconds)
  local most = 0
  for _, ear in ipairs(ears(self)) do
    local found, at = hearing.silence(hearing.samples(ear))
    if found >= seconds then return { time = ear.begun - self.start + at, seconds = found } end
    most = math.max(most, found)
  end
  return nil, ("%.2f s at most"):format(most)
end

-- What is listened for, in words, and where it is.
local function listen(self, what, options)
  if type(what) == "string" then
    local found, instead = find_speech(self, what, options or {})
    return ("%q%s"):format(what, options and options.whole and " to its end" or ""), found, instead
  elseif type(what) == "table" and what.tone then
    local seconds = what.seconds or TONE
    local hz = type(what.tone) == "table" and what.tone or { what.tone }
    return ("%g s of %s Hz"):format(seconds, table.concat(hz, " + ")), find_tone(self, hz, seconds)
  elseif type(what) == "table" and type(what.silence) == "number" then
    return ("%g s of silence"):format(what.silence), find_silence(self, what.silence)
  end
  failure.raise(self.file, "heard: a text, { tone = Hz }, or { silence = seconds } is expected")
end

---It heard these words, as the server or another party said them; a tone; or silence.
---@param what string|{ tone: number|number[], seconds: number? }|{ silence: number }
---@param options { whole: boolean?, language: string?, voice: string? }? whole: to the end
---@return { time: number, seconds: number }
function Party:heard(what, options)
  local words, found, instead = listen(self, what, options)
  if not found then failure.raise(self.file, self.name .. " heard", words, instead) end
  return found
end

---@param what string|{ tone: number|number[], seconds: number? }|{ silence: number }
---@param options table?
function Party:never_heard(what, options)
  local words, found = listen(self, what, options)
  if found then
    failure.raise(self.file, self.name .. " never heard", "no " .. words,
      ("at %.3f s"):format(found.time))
  end
end

return Party

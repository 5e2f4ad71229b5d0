-- Phones of a simulation, as a file describes them:
--
--   bob { rings = 3, presses = { ["Press 1"] = "1" }, hangs_up_after = 10 }
--   caller { says = "hello.wav", hangs_up_after = 20 }
--   phone "+15550100" { busy = true }
--   kate(function(call) call:answer() call:say("Hello.") call:hangup() end)
--
-- A name is the user part of the dialled URI, whatever its host; `caller` is who calls moonline.
-- Parties that no file describes ring 1 s, answer, and talk 5 s.

local shape = require "moonline.sim.shape"

---@class moonline.SimPhone
---@field rings number|number[]? seconds; default 1; of two one between them, drawn from the seed
---@field answers boolean? false: it rings until the other side gives up
---@field busy boolean? 486
---@field declines boolean? 603
---@field code integer? refuses with this SIP code
---@field forwards string? 302 to this URI
---@field headers table<string, string>? of its 200; of the caller: of its INVITE
---@field says string? what it plays or says once it is connected: a file, or words
---@field sends "always"? audio, also when it has nothing to say
---@field presses table<string, string>? words it waits for in what it hears -> keys
---@field hangs_up_after number|number[]? seconds after the answer; a callee of no description: 5
---@field from string? of the caller: its user part
---@field dials string? of the caller: the user part it calls
---@field gives_up_after number|number[]? of the caller: seconds until it cancels a call nobody answers
---@field calls { to: string, after: number? }? calls in, too: whom, how long after the caller
---@field registers boolean|string? it logs in with the server as this user; a password
---@field holds { after: number, seconds: number? }? puts the other side on hold
---@field refers { after: number, to: string }? asks the other side to call somebody else
---@field asks_for { username: string, password: string, code: integer? }? 401, or 407, until they are given
---@field vanishes_after number|number[]? seconds from its first ring, or the caller's INVITE: no message gets through
---@field sdp string? stands in place of its own descriptions
---@field changes_codec { after: number, to: "PCMU"|"PCMA" }? offers only that one from then on
---@field run (fun(call: moonline.Leg))? does it all itself

local description = {}

-- What a phone may have, for those who write about it.
description.FIELDS = {
  rings = "time?", answers = "boolean?", busy = "boolean?", declines = "boolean?",
  code = "number?", forwards = "string?", headers = "table?", says = "string?",
  presses = "table?", hangs_up_after = "time?", from = "string?", dials = "string?",
  gives_up_after = "time?", registers = "login?", holds = "table?", refers = "table?",
  asks_for = "table?", calls = "table?", vanishes_after = "time?", sdp = "string?",
  changes_codec = "table?", sends = "string?",
}
-- What is in those that are tables.
local PARTS = {
  holds = { after = "time", seconds = "time?" }, refers = { after = "time", to = "string" },
  asks_for = { username = "string", password = "string", code = "number?" },
  changes_codec = { after = "time", to = "string" },
  calls = { after = "time?", to = "string" },
}

---What is wrong with a description, nil when nothing is.
---@param name string
---@param spec any
---@return string?
function description.fault(name, spec)
  if type(spec) == "function" then return nil end
  if type(spec) ~= "table" then return name .. ": a table or a function is expected" end
  local why = shape.fault(name .. ": a phone", spec, description.FIELDS)
  if not why and spec.sends and spec.sends ~= "always" then
    why = ("%s: sends is %q or nothing"):format(name, "always")
  end
  for key, parts in pairs(PARTS) do
    why = why or spec[key] and shape.fault(("%s: %s"):format(name, key), spec[key], parts)
  end
  return why or nil
end

---A description as the phones take it.
---@param spec table|function
---@return moonline.SimPhone
function description.of(spec)
  return type(spec) == "function" and { run = spec } or spec
end

---Reads a file of phones: name -> description. nil and "file:line: message" when it is wrong.
---@param path string
---@return table<string, moonline.SimPhone>?, string? why
function description.read(path)
  local found = {}
  local function describe(name)
    return function(spec)
      local why = description.fault(name, spec)
      if why then error(why, 2) end
      found[name] = description.of(spec)
    end
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

return description

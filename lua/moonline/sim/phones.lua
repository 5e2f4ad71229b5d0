-- Phones of a simulation, as a file describes them:
--
--   bob { rings = 3, presses = { ["Press 1"] = "1" }, hangs_up_after = 10 }
--   caller { says = "hello.wav", hangs_up_after = 20 }
--   kate(function(call) call:answer() call:say("Hello.") call:hangup() end)
--
-- A name is the user part of the dialled URI, whatever its host; `caller` is who calls moonline.
-- Parties that no file describes ring 1 s, answer, and talk 5 s.

local suggest = require "moonline.twiml.suggest"

---@class moonline.SimPhone
---@field rings number? seconds; default 1
---@field answers boolean? false: it rings until the other side gives up
---@field busy boolean? 486
---@field declines boolean? 603
---@field code integer? refuses with this SIP code
---@field forwards string? 302 to this URI
---@field headers table<string, string>? of its 200
---@field says string? what it plays or says once it is connected: a file, or words
---@field presses table<string, string>? words it waits for in what it hears -> keys
---@field hangs_up_after number? seconds after the answer; a callee of no description: 5
---@field from string? of the caller: its user part
---@field dials string? of the caller: the user part it calls
---@field run (fun(call: moonline.Leg))? does it all itself

local phones = {}

local FIELDS = {
  rings = "number", answers = "boolean", busy = "boolean", declines = "boolean", code = "number",
  forwards = "string", headers = "table", says = "string", presses = "table",
  hangs_up_after = "number", from = "string", dials = "string",
}
local UNKNOWN = { rings = 1, hangs_up_after = 5 }
local PAUSE = 0.5 -- seconds between what one hears and the key

local function check(name, spec)
  if type(spec) == "function" then return { run = spec } end
  if type(spec) ~= "table" then error(name .. ": a table or a function is expected", 3) end
  for field, value in pairs(spec) do
    local wanted = FIELDS[field]
    if not wanted then
      local near = suggest.nearest(tostring(field), suggest.keys(FIELDS))
      error(("%s: a phone has no %s%s"):format(name, field,
        near and (" (did you mean %s?)"):format(near) or ""), 3)
    end
    if type(value) ~= wanted then
      error(("%s: %s is a %s"):format(name, field, wanted), 3)
    end
  end
  return spec
end

---Reads a file of phones: name -> description. nil and "file:line: message" when it is wrong.
---@param path string
---@return table<string, moonline.SimPhone>?, string? why
function phones.read(path)
  local found = {}
  local env = setmetatable({}, {
    __index = function(_, name)
      if _G[name] ~= nil then return _G[name] end
      return function(spec) found[name] = check(name, spec) end
    end,
  })
  local chunk, problem = loadfile(path, "t", env)
  if not chunk then return nil, problem end
  local ok, why = pcall(chunk)
  if not ok then return nil, tostring(why) end
  return found
end

-- Does what a connected phone does, until the other side hangs up.
local function talk(call, spec)
  local left = spec.hangs_up_after
  if spec.says then
    local is_file = spec.says:match("%.wav$") or spec.says:match("%.mp3$")
    if is_file then call:play(spec.says) else call:say(spec.says) end
    left = left and math.max(0, left - call:duration())
  end
  call:wait({}, left)
  call:hangup()
end

local function refusal(spec)
  return spec.code or spec.busy and 486 or spec.declines and 603 or spec.forwards and 302 or nil
end

---What a phone does with a call that comes in.
---@param call moonline.Leg
---@param spec moonline.SimPhone? nil: nobody described it
function phones.take(call, spec)
  spec = spec or UNKNOWN
  if spec.run then return spec.run(call) end
  local rings, code = spec.rings or 1, refusal(spec)
  if rings > 0 then
    call:ring()
    call:wait({}, rings)
  end
  if code then
    local headers = spec.forwards and { { "Contact", ("<%s>"):format(spec.forwards) } }
    return call.core:reject(code, nil, headers)
  end
  if spec.answers == false then return call:wait({}) end
  local headers = {}
  for name, value in pairs(spec.headers or {}) do headers[#headers + 1] = { name, value } end
  call:answer(headers)
  talk(call, spec)
end

---The caller's part, once it is connected.
---@param call moonline.Leg
---@param spec moonline.SimPhone
function phones.calls(call, spec)
  if spec.run then return spec.run(call) end
  talk(call, spec)
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

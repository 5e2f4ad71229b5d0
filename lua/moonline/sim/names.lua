-- What differs from run to run, made the same: addresses, ports, the folder of the store, the branches
-- and first numbers that sofia draws, and the dates of virtual time.

local json = require "dkjson"
local suggest = require "moonline.twiml.suggest"

---@class moonline.SimNames
local Names = {}
Names.__index = Names
Names.__name = "moonline.SimNames"

local names = {}

local BEGIN <const> = 1767225600 -- 2026-01-01T00:00:00Z
local HOST <const> = "127%.0%.0%.%d+:%d+"

-- The n-th of its kind that is met.
local function numbered(self, kind, text)
  local known = self.known[kind]
  if not known[text] then
    self.counts[kind] = self.counts[kind] + 1
    known[text] = self.counts[kind]
  end
  return known[text]
end

-- Seconds since 1970 of a date of RFC 2822, UTC.
local function seconds_of(date)
  local day, month, year, hour, min, sec =
    date:match("(%d+) (%a+) (%d+) (%d+):(%d+):(%d+)")
  local number = (("JanFebMarAprMayJunJulAugSepOctNovDec"):find(month, 1, true) or 1) // 3 + 1
  local fields = { year = year, month = number, day = day, hour = hour, min = min, sec = sec }
  local there = os.time(fields)
  local utc = os.date("!*t", there)
  utc.isdst = false
  return there + (there - os.time(utc))
end

---A date of virtual time, as if the call had begun with the year 2026.
---@param date string "Fri, 20 Aug 2010 01:13:42"
---@return string
function Names:date(date)
  local since = seconds_of(date) - math.floor(self.began + 0.5)
  return os.date("!%a, %d %b %Y %H:%M:%S", BEGIN + since) --[[@as string]]
end

---What a port of audio is called.
---@param port string|integer
---@return integer
function Names:port(port)
  return 18000 + 2 * numbered(self, "port", tostring(port))
end

---A copy in which every text is as it is in each run.
---@generic T
---@param value T
---@return T
function Names:stable(value)
  if type(value) == "table" then
    local copy = {}
    for key, inner in pairs(value) do copy[key] = self:stable(inner) end
    return copy
  elseif type(value) ~= "string" then
    return value
  end
  local text = value:gsub(HOST, self.addresses)
  text = text:gsub(";rport=%d+", ";rport=5060"):gsub(self.store, "store")
  text = text:gsub("\nCSeq: (%d%d%d%d%d+)", function(number) -- made of the time
    return ("\nCSeq: %d"):format(1000 + numbered(self, "cseq", number))
  end)
  text = text:gsub("m=audio ([1-9]%d*)", function(port)
    return ("m=audio %d"):format(self:port(port))
  end)
  text = text:gsub("%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d", function(date)
    return self:date(date)
  end)
  return (text:gsub("z9hG4bK[%w%-_.]+", function(branch)
    return "z9hG4bK-" .. numbered(self, "branch", branch)
  end))
end

---What a stage has its addresses called in all runs.
---@param stage moonline.SimStage
---@return moonline.SimNames
function names.of(stage)
  local addresses = {}
  for address in pairs(stage.phone_addresses) do addresses[address] = "phones.example:5060" end
  for _, address in ipairs(stage.server.addresses) do
    addresses[address:match("^%a+:(.*)$")] = "moonline.example:5060"
  end
  addresses[stage.caller.addresses[1]:match("^%a+:(.*)$")] = "caller.example:5060"
  addresses[stage.server.http_address] = "moonline.example:8080"
  addresses[stage.app.url:match("^%a+://(.*)$")] = "app.example"
  return setmetatable({
    began = stage.began, addresses = addresses, store = stage.store:gsub("%W", "%%%0"),
    known = { branch = {}, port = {}, cseq = {} },
    counts = { branch = 0, port = 0, cseq = 0 },
  }, Names)
end

-- Every key in it, so that two runs write them in one order.
local function keys_of(value, into)
  for key, inner in pairs(value) do
    if type(key) == "string" then into[key] = true end
    if type(inner) == "table" then keys_of(inner, into) end
  end
  return into
end

---JSON whose keys are in one order.
---@param value table
---@param is_line boolean? all in one line
---@return string
function names.json(value, is_line)
  return json.encode(value, { indent = not is_line, keyorder = suggest.keys(keys_of(value, {})) })
end

return names

-- A simulated call as files to look at: a page, and a capture for Wireshark and sngrep.

local addresses = require "moonline.sim.addresses"
local capture = require "moonline.sim.capture"
local page = require "moonline.sim.page"
local pcap = require "moonline.sim.pcap"
local rtp = require "moonline.sim.rtp"
local task = require "moonline.task"

local export = {}

local BEGIN <const> = 1767225600 -- 2026-01-01T00:00:00Z, when every simulated call begins
local PATIENCE <const> = 60 -- seconds; ten minutes of sound take half a one

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

local function write(path, text)
  local file, why = io.open(path, "wb")
  if not file then return nil, why end
  local ok, problem = file:write(text)
  if ok then ok, problem = file:close() end
  if not ok then return nil, ("%s: %s"):format(path, problem) end
  return true
end

-- The same as MP3, an eighth of the size; nil when that cannot be had.
local function compressed(env, path)
  local box = task.mailbox()
  env.media:compress(path, path .. ".mp3", box)
  local event = box:wait({ "compressed" }, PATIENCE)
  local sound = event and event.ok and read(path .. ".mp3")
  os.remove(path .. ".mp3")
  return sound or nil
end

local function sound_of(played, party, ear)
  local wav = read(ear.path)
  if not wav then return nil end
  local sound = compressed(played.env, ear.path)
  local start = played.events[1] and played.events[1].time or 0
  return { party = party, wav = wav, at = ear.begun - start, sound = sound,
    type = sound and "audio/mpeg" }
end

local function heard(played, parties)
  local list, known = {}, {}
  for _, name in ipairs(parties) do
    for _, ear in ipairs(played.heard[name] or {}) do
      if not known[ear] then list[#list + 1] = sound_of(played, name, ear) end
      known[ear] = true
    end
  end
  return list
end

---@param played moonline.SimResult
---@return moonline.Capture
function export.capture(played)
  local calls = {}
  for _, call in ipairs(played.calls) do calls[call.sid] = call.party end
  return capture.of(played:stable_events(), { caller = "caller", parties = played.parties,
    calls = calls, prepare = addresses.put })
end

---Writes what is asked for.
---@param played moonline.SimResult
---@param wanted { html: string?, pcap: string?, rtp: string?, title: string, script: string? } paths; rtp:
---  what Media:keep_packets wrote
---@return boolean? ok, string? why
function export.write(played, wanted)
  if not (wanted.html or wanted.pcap) then return true end
  local found = export.capture(played)
  if wanted.pcap then
    local kept = wanted.rtp and read(wanted.rtp)
    local audio = kept and rtp.of(kept, found, played) or {}
    local ok, why = write(wanted.pcap, pcap.of(found, BEGIN, audio))
    if not ok then return nil, why end
  end
  if not wanted.html then return true end
  local script = wanted.script and read(wanted.script)
  return write(wanted.html, page.of {
    title = wanted.title, capture = found, heard = heard(played, found.parties),
    sources = script and { { name = wanted.script:match("[^/]*$"), text = script } },
  })
end

return export

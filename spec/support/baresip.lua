-- baresip as a phone, in a folder of its own: speaks a tone, keeps what it hears.
--
--   local phone <close> = baresip.start(account, { tone = 1000, execute = "dial sip:..." })
--   phone:await "established"    phone.uri        local heard = phone:stop()
local audio = require "support.audio"
local lfs = require "lfs"
local process = require "support.process"
local story = require "support.story"

local baresip = {}

local MODULES = "/usr/lib/baresip/modules"

local CONFIG = [[
sip_listen %s:5060
net_interface %s
rtp_ports 10000-10020
audio_source aufile,%s/tone.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
snd_path %s
module_path %s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
]]

local started = 0

local Phone = {}
Phone.__index = Phone

function Phone:await(pattern)
  return self.process:await(pattern)
end

---Ends it in order: the audio it has heard, nil when there was none.
function Phone:stop()
  self.process:signal "TERM"
  self.process:exit()
  for name in lfs.dir(self.folder) do
    if name:find "^dump.*dec%.wav$" then return audio.read(self.folder .. "/" .. name) end
  end
  return nil
end

function Phone:close()
  self.process:close()
  process.remove(self.folder)
end

Phone.__close = Phone.close

---@param account string|fun(address: string): string the line of its accounts file
---@param options { tone: integer, execute: string? }
function baresip.start(account, options)
  local folder = process.folder()
  started = started + 1
  local address = story.own_address(100 + started) -- nobody else's: it wants TCP ports, too
  audio.write(folder .. "/tone.wav", audio.sines({ { options.tone, 10 } }, 8000))
  process.write(folder .. "/config", CONFIG:format(address, address, folder, folder, MODULES))
  process.write(folder .. "/accounts", type(account) == "function" and account(address) or account)
  process.write(folder .. "/contacts", "")
  local line = { "baresip", "-f", folder }
  if options.execute then line[4], line[5] = "-e", options.execute end
  local self = setmetatable({ folder = folder, uri = "sip:bob@" .. address .. ":5060",
    process = process.start(line, { directory = folder }) }, Phone)
  self:await "baresip is ready"
  return self
end

return baresip

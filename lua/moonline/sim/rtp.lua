-- The audio of a simulated call as packets between the made-up addresses of its parties.

local pcap = require "moonline.sim.pcap"

local rtp = {}

local RECORD <const> = "<i8I2I2s2" -- as Media:keep_packets writes

-- Whose port is whose, as their descriptions say: port -> place.
local function places(capture)
  local found = {}
  for _, event in ipairs(capture.events) do
    local port = event.kind == "message" and event.text:match("\nm=audio (%d+)")
    local address = port and (event.sent and event.local_address or event.remote)
    if address then
      found[tonumber(port)] = { host = pcap.place(address).host, port = tonumber(port) }
    end
  end
  return found
end

---@param kept string what Media:keep_packets wrote
---@param capture moonline.Capture with the addresses of moonline.sim.addresses
---@param played moonline.SimResult
---@return { time: number, from: moonline.Place, to: moonline.Place, payload: string }[]
function rtp.of(kept, capture, played)
  local known, list, at = places(capture), {}, 1
  local start = played.events[1] and played.events[1].time or 0
  local function place(port) return known[played.names:port(port)] end
  while at <= #kept do
    local us, from, to, payload
    us, from, to, payload, at = RECORD:unpack(kept, at)
    local a, b = place(from), place(to)
    if a and b then
      list[#list + 1] = { time = us / 1e6 - start, from = a, to = b, payload = payload }
    end
  end
  return list
end

return rtp

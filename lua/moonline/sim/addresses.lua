-- Addresses for parties that have none of their own in a simulation: each its IP address, the same in
-- each run, of the networks that RFC 5737 keeps for documentation. Events in which all names are stable
-- (moonline.sim.names) get them, also within their messages.

local addresses = {}

local MOONLINE <const> = "192.0.2.1"
local FIRST <const> = 10 -- of the others
local LAST <const> = 254
local PORT <const> = 5060

---Their addresses, in the order of the columns.
---@param parties string[]
---@return table<string, string>
function addresses.of(parties)
  local found, number = { moonline = MOONLINE }, FIRST
  for _, name in ipairs(parties) do
    if name ~= "moonline" and name ~= "web app" then
      local net = number <= LAST and "192.0.2." or "198.51.100."
      found[name] = net .. (number <= LAST and number or (number - LAST) % LAST)
      number = number + 1
    end
  end
  return found
end

-- The length of a body has changed with the addresses in it.
local function settle_length(text)
  local head, body = text:match("^(.-\r\n\r\n)(.*)$")
  if not head then return text end
  return (head:gsub("(\n[Cc]ontent%-[Ll]ength%s*:%s*)%d+", "%1" .. #body, 1)
    :gsub("(\n[Ll]%s*:%s*)%d+", "%1" .. #body, 1)) .. body
end

-- A host of loopback that no port tells apart: in a session description the sender's own.
local function place_hosts(text, own)
  local head, body = text:match("^(.-\r\n\r\n)(.*)$")
  if not head then return text end
  return head:gsub("127%.0%.0%.%d+", MOONLINE) .. body:gsub("127%.0%.0%.%d+", own)
end

---Gives every message of a capture the addresses of its parties.
---@param capture moonline.Capture
function addresses.put(capture)
  local known = addresses.of(capture.parties)
  for _, event in ipairs(capture.events) do
    if event.kind == "message" then
      local other = known[event.party] or MOONLINE
      local hosts = {
        ["moonline.example"] = MOONLINE, ["phones.example"] = other,
        ["caller.example"] = known.caller or other,
      }
      local text = event.text:gsub("%l+%.example", hosts)
      text = place_hosts(text, event.sent and MOONLINE or other)
      event.text = settle_length(text)
      event.local_address = ("%s:%d"):format(MOONLINE, PORT)
      event.remote = ("%s:%d"):format(other, PORT)
    end
  end
end

return addresses

-- Is this text an IP address, a host name, a port? Shape only; the network has the last word.

local address = {}

---@param text string
---@return boolean
function address.is_ipv4(text)
  local parts = { text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for _, part in ipairs(parts) do
    if #part > 3 or tonumber(part) > 255 then return false end
  end
  return #parts == 4
end

local function is_group(group, text)
  if not group:find(".", 1, true) then return #group <= 4 end
  return address.is_ipv4(group) and text:sub(-#group) == group
end

---Without brackets.
---@param text string
---@return boolean
function address.is_ipv6(text)
  local _, colons = text:gsub(":", "")
  local _, doubles = text:gsub("::", "")
  if text:find("[^%x:.]") or text:find(":::", 1, true) then return false end
  if colons < 2 or colons > 8 or doubles > 1 then return false end
  for group in text:gmatch("[^:]+") do
    if not is_group(group, text) then return false end
  end
  return true
end

---An IP address; IPv6 with brackets or without.
---@param text string
---@return boolean
function address.is_ip(text)
  local inner = text:match("^%[(.*)%]$")
  if inner then return address.is_ipv6(inner) end
  return address.is_ipv4(text) or address.is_ipv6(text)
end

---A name of letters, digits, hyphens and dots, as DNS and RFC 3261 section 25.1 have it.
---@param text string
---@return boolean
function address.is_name(text)
  if #text > 253 or text:find("^[%d.]*$") then return false end
  for label in text:gsub("%.$", ""):gmatch("[^.]*") do
    if #label > 63 or not label:find("^%w[%w-]*$") or label:sub(-1) == "-" then return false end
  end
  return true
end

---What may stand as the host of a URI: a name, IPv4, or IPv6 in brackets.
---@param text string
---@return boolean
function address.is_host(text)
  local inner = text:match("^%[(.*)%]$")
  if inner then return address.is_ipv6(inner) end
  return address.is_ipv4(text) or address.is_name(text)
end

---"host:port" in two; the port is nil when there is none.
---@param text string
---@return string host "" when it cannot be split
---@return string? port digits, or what stands in their place
function address.split(text)
  local host, rest = text:match("^(%[[^%]]*%])(.*)$")
  if not host then host, rest = text:match("^([^:]*)(.*)$") end
  if rest == "" then return host, nil end
  return host, rest:match("^:(.*)$") or rest
end

---What the SDP can say of an advertised host[:port]: its address, without port and brackets; nil for
---a name, which many a peer would not look up.
---@param text string?
---@return string?
function address.media(text)
  if not text then return nil end
  local host = address.is_ip(text) and text or address.split(text)
  return address.is_ip(host) and host:gsub("[%[%]]", "") or nil
end

---@param text string
---@return integer? port 0 to 65535
function address.port(text)
  local port = text:match("^%d%d?%d?%d?%d?$") and math.tointeger(tonumber(text))
  return port and port <= 65535 and port or nil
end

---The SIP URI of a listener, "tcp:127.0.0.1:5060" -> "sip:user@127.0.0.1:5060;transport=tcp".
---@param listener string
---@param user string?
---@return string
function address.uri(listener, user)
  local transport, where = listener:match("^(%l+):(.*)$")
  return ("sip:%s%s%s"):format(user and user .. "@" or "", where,
    transport ~= "udp" and ";transport=" .. transport or "")
end

return address

-- Types of configuration values: each gives the checked value, or nil and what it must be.

local address = require "moonline.address"
local vocabulary = require "moonline.twiml.vocabulary"

local types = {}

---A type: kind, and check(value) -> checked value | nil, what it must be.
---@class moonline.ConfigType
---@field kind "value"|"list"|"map"|"record"
---@field text boolean? of a value: text, however it looks ("1234" is no number)
---@field path boolean? a file name, relative to the file it stands in
---@field exists "file"|"folder"|nil of a path: what has to be there
---@field check (fun(value: any): any, string?)?
---@field of moonline.ConfigType? of lists and maps
---@field fields table<string, moonline.ConfigType>? of records
---@field key (fun(key: any): any, string?)? of maps: the checked key, or nil and what it must be
---@field exclusive string[]? of records: fields of which one replaces the others
---@field final (fun(record: table): string?, string?)? of records, once all is merged

local function value(check, extra)
  local result = { kind = "value", check = check }
  for key, more in pairs(extra or {}) do result[key] = more end
  return result
end

---@param must string? what it must be
---@param test (fun(text: string): boolean?)?
---@return moonline.ConfigType
function types.text(must, test)
  return value(function(text)
    if type(text) ~= "string" or test and not test(text) then return nil, must or "text" end
    return text
  end, { text = true })
end

---@param exists "file"|"folder"|nil it is told when there is no such file or folder
---@return moonline.ConfigType
function types.path(exists)
  local result = types.text("a file name", function(text) return text ~= "" end)
  result.path, result.exists = true, exists
  return result
end

---@param ... string
---@return moonline.ConfigType
function types.choice(...)
  local words = { ... }
  return value(function(text)
    for _, word in ipairs(words) do
      if word == text then return text end
    end
    return nil, "one of " .. table.concat(words, ", ")
  end, { text = true, words = words })
end

types.boolean = value(function(flag)
  if type(flag) == "boolean" then return flag end
  return nil, "true or false"
end)

local function in_range(number, min, max)
  return number == number and number >= (min or number) and number <= (max or number)
end

---@param min integer
---@param max integer
---@return moonline.ConfigType
function types.integer(min, max)
  local must = ("a whole number from %d to %d"):format(min, max)
  return value(function(number)
    local whole = type(number) == "number" and math.tointeger(number)
    if not whole or not in_range(whole, min, max) then return nil, must end
    return whole
  end)
end

---@param min number
---@param max number
---@return moonline.ConfigType
function types.number(min, max)
  return value(function(number)
    if type(number) ~= "number" or not in_range(number, min, max) then
      return nil, ("a number from %g to %g"):format(min, max)
    end
    return number
  end)
end

local function host(text)
  return address.is_ip(text) or address.is_name(text)
end

local function host_and_port(text, test, needs_port)
  local name, port = address.split(text)
  if port and name ~= "" and address.port(port) then return test(name) end
  return not needs_port and test(text)
end

types.address = types.text("an IP address", address.is_ip)
types.host = types.text("a host name or an IP address, with a port or without", function(text)
  return host_and_port(text, host, false)
end)
types.target = types.text("an address such as 127.0.0.1:5070", function(text)
  return host_and_port(text, address.is_ip, false)
end)
types.http_listen = types.text("an address and a port such as 127.0.0.1:8080, or off",
  function(text) return text == "off" or host_and_port(text, address.is_ip, true) end)
types.sip_listen = types.text("a listener such as udp:127.0.0.1:5060 (udp, tcp or tls)",
  function(text)
    local transport, where = text:match("^(%l+):(.*)$")
    return (transport == "udp" or transport == "tcp" or transport == "tls")
      and host_and_port(where, address.is_ip, true)
  end)

local function cidr(text)
  local net, bits = text:match("^(.*)/(%d%d?%d?)$")
  net = net or text
  local is_ipv4 = address.is_ipv4(net)
  if not (is_ipv4 or address.is_ipv6(net)) then return false end
  return not bits or tonumber(bits) <= (is_ipv4 and 32 or 128)
end

types.cidr = types.text("a network such as 10.0.0.0/8", cidr)

types.url = types.text("a URL that begins with http:// or https://", function(text)
  return text:find("^[hH][tT][tT][pP][sS]?://[^/?#%s]+%S*$") ~= nil
end)
types.sip_uri = types.text("a SIP URI such as sip:10.0.0.9", function(text)
  return text:find("^[sS][iI][pP][sS]?:[^%s]+$") ~= nil
end)
types.pattern = types.text("a Lua pattern", function(text)
  return (pcall(string.find, "", text))
end)
types.ring_tone = types.choice(table.unpack(vocabulary.ring_tones))

---A list. One element that is text may stand for a list of it.
---@param of moonline.ConfigType
---@param check (fun(list: any[]): any[]?, string?)?
---@return moonline.ConfigType
function types.list(of, check)
  return { kind = "list", of = of, check = check }
end

---@param of moonline.ConfigType
---@param key (fun(key: any): any, string?)? the checked key, or nil and what it must be
---@return moonline.ConfigType
function types.map(of, key)
  return { kind = "map", of = of, key = key }
end

---@param fields table<string, moonline.ConfigType>
---@param more { exclusive: string[]?, final: function? }?
---@return moonline.ConfigType
function types.record(fields, more)
  more = more or {}
  return { kind = "record", fields = fields, exclusive = more.exclusive, final = more.final }
end

return types

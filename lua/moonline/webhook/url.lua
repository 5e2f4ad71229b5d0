-- URLs as webhooks need them: taken apart, resolved, with parameters added (RFC 3986).

local http = require "moonline.core.http"
local memo = require "moonline.memo"

local url = {}

---Percent-encodes a form value: letters, digits and -_.~ stay.
---@type fun(text: string): string
url.encode = http.escape

---name=value&... of a list of { name, value }, both encoded.
---@type fun(list: (string|number)[][]): string
url.form = http.form

---@param text string
---@return string
function url.decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

---The reverse of form: a list of { name, value }.
---@param text string
---@return string[][]
function url.parse_form(text)
  local list = {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    list[#list + 1] = { url.decode(name), url.decode(value) }
  end
  return list
end

---The parts of an absolute http or https URL; nil when it is none.
---@param text string
---@return { scheme: string, userinfo: string?, host: string, port: string?, path: string, query: string?, fragment: string? }?
function url.parse(text)
  local scheme, rest = text:match("^(%a[%w+.-]*)://(.*)$")
  scheme = scheme and scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then return nil end
  local fragment, query
  rest, fragment = rest:match("^([^#]*)#?(.*)$")
  rest, query = rest:match("^([^?]*)(%??.*)$")
  local authority, path = rest:match("^([^/]*)(.*)$")
  local userinfo, place = authority:match("^(.*)@(.*)$")
  local host, port = (place or authority):match("^(%[[^%]]+%]):?(%d*)$")
  if not host then host, port = (place or authority):match("^([^:]*):?(%d*)$") end
  if not host or host == "" then return nil end
  return {
    scheme = scheme, userinfo = userinfo, host = host, port = port ~= "" and port or nil,
    path = path, query = query ~= "" and query:sub(2) or nil,
    fragment = fragment ~= "" and fragment or nil,
  }
end

local function remove_dots(path)
  local out = {}
  for segment in path:gmatch("[^/]*") do
    if segment == ".." then
      if #out > 1 then out[#out] = nil end
    elseif segment ~= "." then
      out[#out + 1] = segment
    end
  end
  if path:match("/%.%.?$") then out[#out + 1] = "" end
  return table.concat(out, "/")
end

---@param parts table as parse gives them
---@return string
function url.format(parts)
  return parts.scheme .. "://" .. (parts.userinfo and parts.userinfo .. "@" or "") .. parts.host
    .. (parts.port and ":" .. parts.port or "") .. parts.path
    .. (parts.query and "?" .. parts.query or "")
    .. (parts.fragment and "#" .. parts.fragment or "")
end

local function resolve(reference, base)
  if reference:match("^%a[%w+.-]*:") then return url.parse(reference) and reference end
  local parts = base and url.parse(base)
  if not parts then return nil end
  parts.fragment = nil
  if reference == "" then return url.format(parts) end
  if reference:sub(1, 2) == "//" then
    local absolute = parts.scheme .. ":" .. reference
    return url.parse(absolute) and absolute
  end
  local rest, fragment = reference:match("^([^#]*)#?(.*)$")
  local path, query = rest:match("^([^?]*)(%??.*)$")
  parts.fragment = fragment ~= "" and fragment or nil
  if path == "" then
    parts.query = query ~= "" and query:sub(2) or parts.query
    return url.format(parts)
  end
  parts.query = query ~= "" and query:sub(2) or nil
  if path:sub(1, 1) ~= "/" then path = (parts.path:match("^(.*/)") or "/") .. path end
  parts.path = remove_dots(path)
  return url.format(parts)
end

local against = memo(function(base)
  return memo(function(reference) return resolve(reference, base ~= "" and base or nil) end)
end)

---Resolves a reference against the URL of the current document (RFC 3986 5.2). nil when it is
---relative and there is no base, or neither http nor https comes out.
---@param reference string "" is the base itself
---@param base string?
---@return string?
function url.resolve(reference, base)
  return against(base or "")(reference)
end

local cut = memo(function(text)
  local parts = url.parse(text)
  return parts and { text:match("^[^#]*"), parts.fragment } or {}
end)

---An absolute http or https URL and its fragment apart; nil when it is none.
---@param text string
---@return string? bare, string? fragment
function url.without_fragment(text)
  local known = cut(text)
  return known[1], known[2]
end

-- As it goes over the wire: with a path, without fragment or an empty query, nothing but ASCII.
local wire_form = memo(function(text)
  local before, query = text:match("^([^?#]*)(%??[^#]*)")
  if before:find("^%a[%w+.-]*://[^/]*$") then before = before .. "/" end
  return ((before .. (query ~= "?" and query or "")):gsub("[\128-\255 ]", http.escape))
end)

---Without its fragment, with the parameters appended to its query, as the server will see it.
---@param text string absolute
---@param query string form-encoded, may be ""
---@return string
function url.with_query(text, query)
  local bare = wire_form(text)
  if query == "" then return bare end
  return bare .. (bare:find("?", 1, true) and "&" or "?") .. query
end

---May audio go there: over TLS, or not at all over a network?
---@param text string a URL
---@return boolean
function url.is_safe_stream(text)
  if text:match("^wss://") then return true end
  local host = text:match("^ws://([^/?#]*)")
  host = host and host:gsub("^.*@", ""):gsub(":%d*$", "")
  if not host then return false end
  return host == "localhost" or host == "[::1]" or host:match("^127%.[%d.]+$") ~= nil
end

---For logs and events: without the password in it.
---@type fun(text: string): string
url.public = memo(function(text)
  return (text:gsub("^(%a[%w+.-]*://[^/?#@:]*):[^/?#]*@", "%1:***@"))
end)

---Is that host this machine?
---@param host string
---@return boolean
function url.is_here(host)
  return host:match("^127%.") ~= nil or host == "localhost" or host == "[::1]"
end

return url

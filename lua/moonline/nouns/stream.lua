-- <Stream url name track statusCallback> in Connect (both ways), Start (a fork) and Stop (by name).

local media_stream = require "moonline.stream"
local url = require "moonline.webhook.url"

local SCHEME, URL, TRACK, TAKEN = 31922, 11100, 31941, 31920
local LONGEST = 500 -- characters of all parameters, as at Twilio

local stream = {
  name = "Stream",
  attrs = {
    url = { "stream_url", code = SCHEME },
    name = { "text", max = 255 },
    track = {
      "enum", default = "inbound_track", code = TRACK,
      values = { "inbound_track", "outbound_track", "both_tracks" },
    },
    statusCallback = { "url", code = URL },
    statusCallbackMethod = { "method", default = "POST" },
    connectorName = { "text", unsupported = true },
    audioFormat = { "text", unsupported = true },
    sampleRate = { "text", unsupported = true },
  },
  children = { "Parameter" },
}

-- wss://, or where a document of this machine says so, ws://.
local function address(session, node)
  local given = node.attrs.url
  if not given then return nil, URL, "<Stream> is not started without a usable url" end
  if given:match("^wss?://") then return given end
  local absolute = url.resolve(given, session.base)
  local target = absolute and absolute:gsub("^http", "ws"):gsub("#.*$", "")
  if not target then return nil, URL, given .. ": no document to resolve it against" end
  if not url.is_safe_stream(target) then
    return nil, SCHEME, target .. ": audio goes over wss:// to other machines"
  end
  return target
end

local function custom(node)
  local list, length = {}, 0
  for _, child in ipairs(node.children) do
    local pair = child.verb.target(nil, child)
    length = length + #pair[1] + #pair[2]
    list[#list + 1] = pair
  end
  return list, length <= LONGEST
end

local function open(session, node, options)
  local target, code, message = address(session, node)
  if not target then return session:warn(code, message) end
  local list, fits = custom(node)
  if not fits then
    session:warn(12200, ("<Parameter>: more than %d characters in all"):format(LONGEST))
  end
  local back = session:callback_url(node.attrs.statusCallback)
  local one, why, text = media_stream.open(session.call, target, {
    name = node.attrs.name, track = options.track, duplex = options.duplex,
    parameters = fits and list or {},
    callback = back and { url = back, method = node.attrs.statusCallbackMethod },
  })
  if not one then session:warn(TAKEN, ("<Stream> is not started: %s"):format(text or why)) end
  return one
end

---What Connect, Start and Stop do with it.
function stream.target(session, node)
  local a = node.attrs
  return {
    connect = function()
      if a.track ~= "inbound_track" then
        session:warn(TRACK, "<Connect><Stream> streams the inbound_track only")
      end
      local one <close> = open(session, node, { duplex = true })
      if one then one:wait() end
      return one and { { "StreamSid", one.sid }, { "StreamName", one.name },
        { "StreamError", one.over.code and one.over.text } }
    end,
    start = function() open(session, node, { track = a.track }) end,
    stop = function()
      local one = (session.call.streams or {})[a.name or ""]
      if one then return one:stop() end
      session:warn(12200, ("<Stop>: no stream is named %q"):format(a.name or ""))
    end,
  }
end

return stream

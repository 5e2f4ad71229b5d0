-- What a leg can play: paths, URLs, speech, tones, digits, silence, and lists of these.

local crypto = require "moonline.core.crypto"
local lfs = require "lfs"
local request = require "moonline.webhook.request"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local source = {}

local MAX_MEDIA = 50 * 1024 * 1024

-- Types whose bytes libsndfile can read, as TwiML's Play lists them.
local function is_audio(kind)
  return kind:match("^audio/") or kind == "" or kind == "application/octet-stream"
end

-- Fetched once, then asked for again with what the server told of its age (ETag, Last-Modified).
local function fetch(leg, target)
  local env = leg.env
  local known = env.media_cache[target]
  local now = task.time()
  if known and known.fresh_until > now and lfs.attributes(known.path) then return known.path end
  local name = crypto.hex(crypto.digest("sha256", target))
  local path = ("%s/%s"):format(env.media_folder, name)
  local headers = {}
  if known and lfs.attributes(known.path) then
    if known.etag then headers[#headers + 1] = { "If-None-Match", known.etag } end
    if known.modified then headers[#headers + 1] = { "If-Modified-Since", known.modified } end
  end
  local fresh = path .. "." .. crypto.random_hex(4)
  local response, code, message = request.fetch(env, {
    url = target, method = "GET", params = {}, plain = true, headers = headers, jar = leg.jar,
    save = fresh, max_body = MAX_MEDIA,
  })
  if not response then
    os.remove(fresh)
    return nil, code, message
  end
  if response.status == 304 and known then
    os.remove(fresh)
  elseif response.status ~= 200 or not is_audio(response.type) then
    os.remove(fresh)
    if response.status ~= 200 then return nil, 11200, target .. " answered " .. response.status end
    return nil, 13420, ("%s is %s, not audio"):format(target, response.type)
  else
    os.rename(fresh, path)
  end
  local control = response.headers["cache-control"] or ""
  env.media_cache[target] = {
    path = path, etag = response.headers.etag, modified = response.headers["last-modified"],
    fresh_until = now
      + (control:match("no%-") and 0 or tonumber(control:match("max%-age=(%d+)")) or 0),
  }
  return path
end

local function speak(leg, item)
  local box = task.mailbox()
  leg.env.speech:say(item.say, {
    markup = item.markup, language = item.language or "en-US",
    voice = leg.env.config.speech.voices[item.voice or ""] or item.voice,
  }, box)
  local event = box:wait { "spoken" }
  if event.path then return event.path end
  return nil, 13520, event.text
end

---Turns one item into what the media engine plays. Waits for fetches and speech.
---@param leg moonline.Leg
---@param item string|table
---@return table? low what Leg:play of moonline.core.sip takes
---@return integer? code
---@return string? message
function source.prepare(leg, item)
  if type(item) == "string" then
    item = item:match("^https?://") and { url = item } or { file = item }
  end
  local loops = item.loop or 1
  if item.file then return { file = item.file, loops = loops } end
  if item.tone then return { tone = item.tone, ms = math.floor((item.seconds or 0) * 1000) } end
  if item.digits then return { digits = item.digits, loops = loops } end
  if item.silence then return { silence = math.floor(item.silence * 1000) } end
  local path, code, message
  local origin = item.url
  if item.say then
    path, code, message = speak(leg, item)
  elseif item.url then
    local target = url.resolve(item.url, item.base)
    if not target then return nil, 11100, item.url .. ": not a URL" end
    origin = target
    path, code, message = fetch(leg, target)
  else
    error("play: a path, a URL, or one of file, url, say, tone, digits, silence expected", 3)
  end
  if not path then return nil, code, message end
  return { file = path, loops = loops, origin = origin }
end

---Why a prepared item could not be played, by the name it was asked for.
---@param low table
---@param text string?
---@return string
function source.problem(low, text)
  if not text then return "cannot be played" end
  if not low.origin or text:sub(1, #low.file) ~= low.file then return text end
  return low.origin .. text:sub(#low.file + 1)
end

---A list of items, whatever was given.
---@param given any
---@return table
function source.list(given)
  if given == nil then return {} end
  if type(given) == "table" and #given > 0 then return given end
  return { given }
end

return source

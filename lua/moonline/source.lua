-- What a leg can play: paths, URLs, speech, tones, digits, silence, and lists of these.

local cache = require "moonline.webhook.cache"
local crypto = require "moonline.core.crypto"
local lfs = require "lfs"
local meanwhile = require "moonline.meanwhile"
local request = require "moonline.webhook.request"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local source = {}

source.MOST = 50 * 1024 * 1024 -- bytes of a recording

local RECORDINGS = 500 -- that are kept
local USUAL = "en-US"
local VOICES = { man = "man", woman = "woman", alice = "woman" }

-- Types whose bytes libsndfile can read, as TwiML's Play lists them.
local function is_audio(kind)
  return kind:match("^audio/") or kind == "" or kind == "application/octet-stream"
end

-- What was fetched for other calls; past the bound the oldest file goes.
local function shelf(env)
  env.media_cache = env.media_cache or cache.shelf(RECORDINGS, function(entry)
    os.remove(entry.path)
  end)
  return env.media_cache
end

-- What the answer is good for: the path, or why not.
local function judge(response, target, fresh, path)
  if response.status ~= 200 then
    return nil, 11200, ("%s answered %d"):format(url.public(target), response.status)
  elseif not is_audio(response.type) then
    return nil, 13420, ("%s is %s, not audio"):format(url.public(target), response.type)
  end
  os.rename(fresh, path)
  return path
end

-- Fetched once, then asked for again with what the server told of its age.
local function fetch(leg, target)
  local env = leg.env
  local kept = shelf(env)
  local known = kept:get(target)
  if known and not lfs.attributes(known.path) then known = nil end
  if known and known.fresh_until > task.time() then return known.path end
  local path = ("%s/%s"):format(env.media_folder, crypto.hex(crypto.digest("sha256", target)))
  local fresh = path .. "." .. crypto.random_hex(4)
  local response, code, message = request.fetch(env, {
    url = target, method = "GET", params = {}, plain = true, headers = cache.conditions(known),
    jar = leg.jar, save = fresh, max_body = source.MOST,
  })
  local got = known and known.path
  if response and not (known and response.status == 304) then
    got, code, message = judge(response, target, fresh, path)
  end
  os.remove(fresh)
  if not response or not got then return nil, code, message end
  local age = cache.freshness(response.headers, task.time()) or { fresh_until = 0 }
  if response.status == 304 then age.etag, age.modified = known.etag, known.modified end
  age.path = got
  kept:put(target, age)
  return got
end

local function voice_of(leg, name)
  if not name then return nil end
  local voice = leg.env.config.speech.voices[name] or VOICES[name]
  if not voice then leg:warn(13511, ("there is no voice %s: the usual one reads"):format(name)) end
  return voice
end

local function spoken(leg, item, language, voice)
  local box = task.mailbox()
  leg.env.speech:say(item.say, {
    markup = item.markup, language = language, voice = voice,
  }, box)
  return box:wait "spoken"
end

-- A language or voice that cannot be had gives way to the usual one: better than silence.
local function speak(leg, item)
  local language, voice = item.language or USUAL, voice_of(leg, item.voice)
  local event = spoken(leg, item, language, voice)
  if not event.path and (language ~= USUAL or voice) then
    leg:warn(language ~= USUAL and 13512 or 13511, ("%s is read in %s: %s"):format(
      language ~= USUAL and language or voice, USUAL, event.text))
    event = spoken(leg, item, USUAL)
  end
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
  leg.env.notify { kind = "sound", call = leg.sid, say = item.say, url = item.url,
    file = item.file, digits = item.digits, silence = item.silence }
  local loops = item.loop or 1
  if item.file then return { file = item.file, loops = loops } end
  if item.tone then return { tone = item.tone, ms = math.floor((item.seconds or 0) * 1000) } end
  if item.digits then return { digits = item.digits, loops = loops } end
  if item.silence then return { silence = math.floor(item.silence * 1000) } end
  local path, code, message
  local origin = item.url
  if item.say then
    path, code, message = meanwhile(leg, speak, leg, item)
  elseif item.url then
    local target = url.resolve(item.url, item.base)
    if not target then return nil, 11100, item.url .. ": not a URL" end
    origin = target
    path, code, message = meanwhile(leg, fetch, leg, target)
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

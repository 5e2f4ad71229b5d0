-- The recogniser hook (speech.recogniser): an utterance goes to a web service as a WAV file in a
-- multipart form, its words come back as JSON. docs/speech.md describes the exchange.

local crypto = require "moonline.core.crypto"
local json = require "dkjson"
local request = require "moonline.webhook.request"
local url = require "moonline.webhook.url"

local recogniser = {}

local GARBAGE = 11206 -- the number of the warning when the answer is not what it must be
local FINAL, PARTIAL = 15, 5 -- seconds the service has for it
local LONGEST = 65536 -- bytes of text
local MOST = 2 * 1024 * 1024 -- bytes of audio

---@class moonline.Hearing
---@field language string? "en-US"
---@field hints string? words and phrases that are likely, comma separated
---@field model string?
---@field enhanced boolean?
---@field profanity_filter boolean?

local function fields_of(leg, hearing, final)
  local list = {
    { "call_sid", leg.sid }, { "final", tostring(final) }, { "language", hearing.language },
    { "hints", hearing.hints }, { "model", hearing.model },
  }
  for _, name in ipairs { "enhanced", "profanity_filter" } do
    if hearing[name] ~= nil then list[#list + 1] = { name, tostring(hearing[name]) } end
  end
  return list
end

local function multipart(list, wav)
  local boundary = "moonline-" .. crypto.random_hex(16)
  local parts = {}
  local function add(head, body)
    parts[#parts + 1] = "--" .. boundary .. "\r\nContent-Disposition: form-data; " .. head
    parts[#parts + 1] = "\r\n\r\n" .. body .. "\r\n"
  end
  for _, field in ipairs(list) do
    if field[2] then add(('name="%s"'):format(field[1]), field[2]) end
  end
  add('name="file"; filename="utterance.wav"\r\nContent-Type: audio/wav', wav)
  parts[#parts + 1] = "--" .. boundary .. "--\r\n"
  return table.concat(parts), "multipart/form-data; boundary=" .. boundary
end

local function judge(response, target)
  local where = url.public(target)
  if response.status ~= 200 then
    return nil, 11200, ("%s answered %d"):format(where, response.status)
  end
  local value = json.decode(response.body)
  local text = type(value) == "table" and value.text
  if type(text) ~= "string" or #text > LONGEST or not utf8.len(text) then
    return nil, GARBAGE, where .. ' answered without {"text": "..."}'
  end
  local confidence = value.confidence
  if confidence ~= nil and (type(confidence) ~= "number" or confidence < 0 or confidence > 1) then
    return nil, GARBAGE, where .. " answered with a confidence that is not between 0 and 1"
  end
  return { text = text:match("^%s*(.-)%s*$"), confidence = confidence }
end

-- A whole file in memory: no longer one than a Gather or a transcription may make.
local function read(path)
  local file <close> = io.open(path, "rb")
  if not file then return nil, path .. " cannot be read" end
  if file:seek "end" > MOST then return nil, "more than two minutes are not recognised" end
  file:seek "set"
  return file:read("a")
end

---Is there one?
---@param env moonline.Env
---@return boolean
function recogniser.is_there(env)
  return env.config.speech.recogniser ~= nil
end

---Asks for the words of a WAV file. Waits; does not look at the leg meanwhile.
---@param leg moonline.Leg whose call it is
---@param path string
---@param hearing moonline.Hearing
---@param final boolean false: he is still speaking
---@return { text: string, confidence: number? }? words text is "" when there are none
---@return integer? code
---@return string? message
function recogniser.ask(leg, path, hearing, final)
  local target = leg.env.config.speech.recogniser
  local wav, problem = read(path)
  if not wav then return nil, 12400, problem end
  local body, kind = multipart(fields_of(leg, hearing, final), wav)
  local response, code, message = request.fetch(leg.env, {
    url = target, method = "POST", params = {}, body = body, type = kind, unsigned = true,
    timeout = final and FINAL or PARTIAL,
  })
  if not response then return nil, code, message end
  return judge(response, target)
end

return recogniser

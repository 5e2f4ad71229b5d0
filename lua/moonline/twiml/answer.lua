-- What the web server's answer to a document request means: a document, a recording, words to read,
-- or nothing that can be used.

local crypto = require "moonline.core.crypto"
local document = require "moonline.twiml.document"

local answer = {}

local DOCUMENTS = { ["text/xml"] = true, ["application/xml"] = true, ["text/html"] = true }

---@param kind string media type
---@return boolean
function answer.is_audio(kind)
  return kind:match("^audio/") ~= nil
end

-- A document of one verb, for what is not TwiML: play it, hang up.
local function single(session, item, done)
  local function run(own)
    local _ <close> = setmetatable({}, { __close = done or function() end })
    own.call:play(item)
    own.call:hangup()
  end
  local node = { name = "Play", verb = { run = run }, attrs = {}, children = {} }
  return { verbs = { node }, base = session.base }
end

-- A recording in the answer's body, or in the file where it was saved.
local function recording(session, response)
  local path = response.path
  if not path then
    path = answer.path(session)
    local file, why = io.open(path, "wb")
    if not file then return nil, 12400, why end
    file:write(response.body)
    file:close()
  end
  return single(session, { file = path }, function() os.remove(path) end)
end

-- Words to read, unless they are a document.
local function words(session, response)
  local _, problems = document.parse(response.body, session:parse_options())
  local code = problems[1] and problems[1].code
  if code == 12100 or code == 12102 then return single(session, { say = response.body }) end
  return session:parse(response.body)
end

---A file for a recording that comes instead of a document.
---@return string
function answer.path(session)
  return ("%s/%s.%s"):format(session.env.media_folder, session.call.sid, crypto.random_hex(4))
end

---@param session moonline.Session its base is the answer's URL
---@param response moonline.WebhookResponse with `path` where it was saved to a file
---@return moonline.Document?, integer? code, string? message
function answer.read(session, response)
  if answer.is_audio(response.type) then return recording(session, response) end
  if response.body == "" then return nil, 11770, response.url .. ": the answer is empty" end
  if DOCUMENTS[response.type] then return session:parse(response.body) end
  if response.type == "text/plain" then return words(session, response) end
  return nil, 12300, ("%s: %s is no type of a document"):format(response.url,
    response.type == "" and "an answer without Content-Type" or response.type)
end

return answer

-- Asks the web app for a document and finds out what its answer is: a document, a recording, words to
-- read, or nothing that can be used.

local cache = require "moonline.webhook.cache"
local crypto = require "moonline.core.crypto"
local document = require "moonline.twiml.document"
local request = require "moonline.webhook.request"
local source = require "moonline.source"
local task = require "moonline.task"
local url = require "moonline.webhook.url"

local answer = {}

local MOST_READ, LONGEST_READ = 64, 8192 -- documents that stay read; bytes of one
local KEPT = 20 -- answers to GETs, for the rest of the call
local TOO_BIG = 11750
local DOCUMENTS = { ["text/xml"] = true, ["application/xml"] = true, ["text/html"] = true }

local function is_audio(kind)
  return kind:match("^audio/") ~= nil
end

local function options(self)
  return {
    mode = self.config.twiml.mode, screening = self.screening, rules = self.rules,
    elements = self.env.elements,
    several = self.config.dial.several, regions = self.config.sip.regions,
  }
end

-- Most applications give the same documents again and again: the last few are kept as they were read.
-- Nobody changes a document.
local function parse_once(self, text)
  local kind = self.rules and self.rules.name or self.screening and "screening" or "document"
  local kept = self.env.documents_read[kind]
  if not kept or kept.count >= MOST_READ then
    kept = { count = 0 }
    self.env.documents_read[kind] = kept
  end
  local known = kept[text]
  if not known then
    known = table.pack(document.parse(text, options(self)))
    if #text <= LONGEST_READ then kept[text], kept.count = known, kept.count + 1 end
  end
  return known[1], known[2]
end

-- "http://app/voice:3:9: what is wrong (did you mean this?)"
local function told(self, problem)
  return ("%s:%d:%d: %s%s"):format(self.base and url.public(self.base) or "document", problem.line,
    problem.column, problem.message,
    problem.suggestion and (" (did you mean %s?)"):format(problem.suggestion) or "")
end

---Reads a document and tells what is wrong with it, but for the fault that keeps it from running: that
---is for whoever asked for it to tell.
---@param self moonline.Session
---@param text string
---@return moonline.Document?, integer? code, string? message
function answer.parse(self, text)
  local parsed, problems = parse_once(self, text)
  local fatal
  for _, problem in ipairs(problems) do
    local message = told(self, problem)
    if not fatal and problem.level == "error" then
      fatal = { problem.code, message } -- told by whoever asked for the document
    else
      self:warn(problem.code, message)
    end
  end
  if not parsed then return nil, fatal[1], fatal[2] end
  return parsed
end

-- A document of one verb, for what is not TwiML: play it, hang up; a waiting call goes on to wait.
local function single(session, item, done)
  local function run(own)
    local _ <close> = task.closing(done or function() end)
    own.call:play(item)
    if not own.rules then own.call:hangup() end
  end
  local node = { name = "Play", verb = { run = run }, attrs = {}, children = {} }
  return { verbs = { node }, base = session.base }
end

-- A file for a recording that comes instead of a document.
local function new_path(session)
  return ("%s/%s.%s"):format(session.env.media_folder, session.call.sid, crypto.random_hex(4))
end

-- A recording in the answer's body, or in the file where it was saved.
local function recording(session, response)
  local path = response.path
  if not path then
    path = new_path(session)
    local file, why = io.open(path, "wb")
    if not file then return nil, 12400, why end
    file:write(response.body)
    file:close()
  end
  return single(session, { file = path }, function() os.remove(path) end)
end

-- Words to read, unless they are a document.
local function words(session, response)
  local _, problems = document.parse(response.body, options(session))
  local code = problems[1] and problems[1].code
  if code == 12100 or code == 12102 then return single(session, { say = response.body }) end
  return answer.parse(session, response.body)
end

-- A recording that is too long for a document is fetched again, into a file.
local function save(self, hook)
  local path = new_path(self)
  local again = setmetatable({ save = path, max_body = source.MOST }, { __index = hook })
  local response, code, message = request.fetch(self.env, again)
  if not response then return nil, code, message end
  response.path = path
  return response
end

---Asks for a document: what a GET got before only when it may have changed.
---@param self moonline.Session
---@param hook moonline.Webhook
---@return moonline.WebhookResponse?, integer? code, string? message
function answer.fetch(self, hook)
  self.kept = self.kept or cache.shelf(KEPT)
  local response, code, message, kind = cache.fetch(self.kept, self.env, hook, function(...)
    self:warn(...)
  end)
  if code == TOO_BIG and is_audio(kind) then return save(self, hook) end
  return response, code, message
end

---@param session moonline.Session its base is the answer's URL
---@param response moonline.WebhookResponse with `path` where it was saved to a file
---@return moonline.Document?, integer? code, string? message
function answer.read(session, response)
  local where = url.public(response.url)
  if is_audio(response.type) then return recording(session, response) end
  if response.body == "" then return nil, 11770, where .. ": the answer is empty" end
  if DOCUMENTS[response.type] then return answer.parse(session, response.body) end
  if response.type == "text/plain" then return words(session, response) end
  return nil, 12300, ("%s: %s is no type of a document"):format(where,
    response.type == "" and "an answer without Content-Type" or response.type)
end

return answer

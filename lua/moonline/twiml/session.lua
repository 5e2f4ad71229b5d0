-- Runs the documents of one leg, one after another, until none takes over.

local answer = require "moonline.twiml.answer"
local callback = require "moonline.webhook.callback"
local guard = require "moonline.core.guard"
local meanwhile = require "moonline.meanwhile"
local params = require "moonline.webhook.params"
local source = require "moonline.source"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

---@class moonline.Session
---@field call moonline.Leg
---@field env table
---@field config table
---@field base string? URL of the current document
---@field screening boolean? on a called party, before the bridge
---@field rules moonline.document.Rules? on a call that waits in a room: what may be in a document
---@field refusal integer? SIP code of a failed Dial, for a caller that is not answered
local Session = {}
Session.__index = Session
Session.__name = "moonline.Session"

local session = {}

local SHOWN = 4096 -- bytes of an answer that those who watch are told
local APOLOGY = "We are sorry, an application error has occurred. Goodbye."
local MOST, MINUTE = 100, 60 -- documents that may begin in so many seconds: a Redirect to itself ends

---A numbered warning or error of this call: to the log, and to whoever watches.
---@param code integer
---@param message string
function Session:warn(code, message)
  self.call:warn(code, message)
end

---What a node that only makes sound would play, nil for nothing.
---@param node moonline.Node
---@return table?
function Session:source(node)
  return node.verb.source and node.verb.source(self, node)
end

function Session:request(target, list, method, what)
  local form = url.form(list)
  self.env.notify({ kind = "webhook", what = what, call = self.call.sid, url = url.public(target),
    method = method, params = list }, form)
  local hook = { url = target, method = method, params = list, form = form, jar = self.call.jar }
  local response, code, message = meanwhile(self.call, answer.fetch, self, hook)
  if not response then return nil, code, message end
  self.env.notify { kind = "answer", call = self.call.sid, status = response.status,
    type = response.type, url = url.public(response.url), body = response.body:sub(1, SHOWN) }
  if response.status < 200 or response.status >= 300 then
    return nil, 11200, ("%s answered %d"):format(url.public(target), response.status)
  end
  return response
end

-- One try at a document: fetched, read, and the base moved to where it came from.
function Session:load(target, list, method, what)
  local response, code, message = self:request(target, list, method, what)
  if not response then return nil, code, message end
  local old = self.base
  self.base = response.url
  local loaded
  loaded, code, message = answer.read(self, response)
  if not loaded then
    self.base = old
    return nil, code, message
  end
  return loaded
end

local function standard(self, extra)
  local list = params.standard(self.call, self.config)
  for _, pair in ipairs(extra or {}) do
    if pair[2] ~= nil then list[#list + 1] = pair end
  end
  for name, value in pairs(extra or {}) do
    if type(name) == "string" then list[#list + 1] = { name, value } end
  end
  return list
end

---Fails the documents of this call: fallback URL, else the end.
---@return moonline.Document?
function Session:fail(code, message, target)
  self:warn(code, message)
  self.env.notify { kind = "failure", call = self.call.sid, code = code, text = message }
  self.failed = { code = code, message = message }
  local fallback = self.route and self.route.fallback_url
  if fallback and not self.fallen_back then
    self.fallen_back = true
    local error_url = target and (target:gsub("^(%a+://)[^/?#]*@", "%1"))
    local loaded, again, why = self:load(fallback,
      standard(self, { { "ErrorCode", code }, { "ErrorUrl", error_url } }),
      self.route.fallback_method or "POST", "fallback")
    if loaded then
      self.failed = nil
      return loaded
    end
    self:warn(again, why)
  end
  return task.unwind { kind = "document-failed", code = code, message = message, session = self }
end

---Requests a document that takes over, with the standard parameters added. What goes wrong is dealt
---with here: the fallback's document comes instead, or the call ends.
---@param target string resolved against the current document; "" is the current document
---@param extra table? name -> value, or a list of { name, value }
---@param method string? POST
---@param what string? for the log: "voice", "action"
---@return moonline.Document
function Session:fetch(target, extra, method, what)
  local absolute = url.resolve(target, self.base)
  if not absolute then
    return self:fail(11100, ("%q: no URL, and no document to resolve it against"):format(target),
      target)
  end
  local loaded, code, message =
    self:load(absolute, standard(self, extra), method or "POST", what or "document")
  if not loaded then return self:fail(code, message, absolute) end
  return loaded
end

---The same without consequences: for a caller who is gone, and for Dial's action then.
function Session:post(target, extra, method, what)
  local absolute = url.resolve(target, self.base)
  if not absolute then return self:warn(11100, target .. ": not a URL") end
  local response, code, message =
    self:request(absolute, standard(self, extra), method or "POST", what)
  if not response then self:warn(code, message) end
end

---An absolute callback URL, or nil with a warning.
---@param reference string?
---@return string?
function Session:callback_url(reference)
  if not reference then return nil end
  local target, why = callback.url(reference, self.base)
  if not target then self:warn(11100, why) end
  return target
end

local function run_verbs(self, doc)
  for _, node in ipairs(doc.verbs) do
    self.call:still_there()
    self.node = node
    self.env.notify { kind = "verb", call = self.call.sid, name = node.name, line = node.line,
      column = node.column }
    local took_over = node.verb.run(self, node)
    self.node = nil
    if took_over then return took_over end
  end
  return nil
end

-- Did the last MOST documents begin within a minute? Then the next one starts a new count.
local function races(self)
  local begun = self.begun or {}
  self.begun = begun
  begun[#begun + 1] = task.clock()
  if #begun <= MOST then return false end
  if begun[#begun] - table.remove(begun, 1) >= MINUTE then return false end
  self.begun = nil
  return true
end

---Runs a document and those that take over from it. Returns when a last one fell off its end.
---@param doc moonline.Document|string a document, or TwiML text
function Session:run(doc)
  if type(doc) == "string" then
    local parsed, code, message = answer.parse(self, doc)
    if not parsed then parsed = self:fail(code, message, self.base) end
    doc = parsed
  end
  while doc do
    if races(self) then
      doc = self:fail(12400, ("more than %d documents in %d s"):format(MOST, MINUTE), self.base)
    end
    doc = run_verbs(self, doc)
  end
end

-- No document and no fallback: what the caller gets.
local function apologise(self)
  local call = self.call
  if call.ended then return end
  if call.state == "ringing" then
    call.final_status = "failed"
    call:reject(500)
  else
    task.catch(function()
      call:play { say = APOLOGY }
      call:hangup()
    end)
  end
end

---Ends a call whose documents are through: hung up, or refused as the party it dialled was.
function Session:finish()
  local call = self.call
  if call.ended then return end
  if call.state == "ringing" and self.refusal then
    call:reject(self.refusal)
  else
    if call.state == "ringing" then call:answer() end
    call:hangup()
  end
end

-- An error in a verb or script: the call goes on with its fallback, or ends with an apology.
local function broke(self, problem)
  local node, message = self.node, problem:match("^[^\n]*")
  if node then message = ("%s (in <%s>, line %d)"):format(message, node.name, node.line) end
  self.node = nil
  self.call.log:error("%s", problem)
  self:run(self:fail(12400, message, self.base))
  self:finish()
end

---Runs fn and deals with whatever ends it early: the hangup, a redirect from outside, documents that
---failed, an error. Never raises for what a call can do.
---@param fn fun()
function Session:guard(fn)
  local ok, value = task.catch(function()
    local fine, problem = guard.run(fn)
    if not fine then broke(self, problem) end
  end)
  if ok or value.kind == "hangup" then return end
  if value.kind == "document-failed" then return apologise(self) end
  if value.kind ~= "redirect" then return task.unwind(value) end
  return self:follow(value)
end

---Goes on with what was told from outside: documents from there on, or the end.
---@param redirect moonline.Redirect
function Session:follow(redirect)
  if redirect.hangup then
    if self.call.state == "ringing" then self.call.final_status = "canceled" end
    return self.call:hangup()
  end
  if redirect.fallback_url then
    self.route, self.fallen_back = redirect, nil
  end
  return self:execute(function()
    if redirect.twiml then
      self.base = nil
      return redirect.twiml
    end
    return self:fetch(redirect.url, nil, redirect.method, "redirect")
  end)
end

---Runs the call from its first document to its end.
---@param begin fun(): moonline.Document|string
function Session:execute(begin)
  return self:guard(function()
    self:run(begin())
    self:finish()
  end)
end

---@param call moonline.Leg
---@param options { route: table?, base: string?, screening: boolean?, rules: moonline.document.Rules? }?
---@return moonline.Session
function session.new(call, options)
  options = options or {}
  return setmetatable({
    call = call, env = call.env, config = call.env.config, log = call.log, route = options.route,
    base = options.base, screening = options.screening or false,
    rules = options.rules, hooks = call.env.hooks,
  }, Session)
end

session.list = source.list

return session

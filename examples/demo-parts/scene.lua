-- One call as it plays: what was seen of it so far, and what its players do and wait for.
local moonline = require "moonline"
local show = require "show"

local Scene = {}
Scene.__index = Scene

local PATIENCE = 5 -- seconds the world has to do what it should

-- ---- what is seen -----------------------------------------------------------------------------

---An event of the server, or of a player.
---@param event table
function Scene:tell(event)
  event.time = event.time or moonline.clock()
  self.events[#self.events + 1] = event
  show.event(event)
end

---The web application was asked, and gave an answer.
---@param request moonline.WebRequest
---@param status integer
function Scene:asked(request, status)
  self.requests[#self.requests + 1] = request
  self:tell { kind = "http", from = "web app", to = "moonline", label = tostring(status) }
end

---The first event of this kind (of this name, of this call).
---@param kind string
---@param name string?
---@param sid string?
---@return table?
function Scene:event(kind, name, sid)
  for _, event in ipairs(self.events) do
    local is_it = event.kind == kind and (not name or event.name == name)
    if is_it and (not sid or event.call == sid) then return event end
  end
  return nil
end

---The first SIP message whose text matches.
---@param pattern string
---@return table?
function Scene:message(pattern)
  for _, event in ipairs(self.events) do
    if event.kind == "message" and event.text:match(pattern) then return event end
  end
  return nil
end

---Requests to a path of the web application.
---@param path string
---@return moonline.WebRequest[]
function Scene:requests_to(path)
  local list = {}
  for _, request in ipairs(self.requests) do
    if request.path == path then list[#list + 1] = request end
  end
  return list
end

-- ---- waiting ----------------------------------------------------------------------------------

---Waits until something is true, or patience is at its end.
---@param is_true fun(): any
function Scene.wait_until(_, is_true)
  local limit = moonline.clock() + PATIENCE
  while not is_true() and moonline.clock() < limit do moonline.sleep(0.01) end
end

---Waits for an event, as Scene:event finds it.
---@param kind string
---@param name string?
function Scene:wait_for(kind, name)
  self:wait_until(function() return self:event(kind, name) end)
end

-- ---- what players do --------------------------------------------------------------------------

---@param who "alice"|"kate"
---@param call moonline.Leg
---@param frequency number
---@param seconds number
function Scene:sound(who, call, frequency, seconds)
  self:tell { kind = "note", at = who, text = ("a tone of %d Hz"):format(frequency) }
  call:play { tone = tostring(frequency), seconds = seconds }
end

---@param who "alice"|"kate"
---@param call moonline.Leg
---@param text string
function Scene:say(who, call, text)
  self:tell { kind = "note", at = who, text = ("%q"):format(text) }
  call:say(text)
  self:tell { kind = "spoken", name = who }
end

---@param who "alice"|"kate"
---@param call moonline.Leg
---@param key string
---@param after number seconds
function Scene:press(who, call, key, after)
  call:play { silence = after }
  self:tell { kind = "digit", digit = key, from = who, to = "moonline" }
  call:send_digits(key)
end

---Fetches the recording of the call into its file, as somebody or as nobody.
---@param who { sid: string, token: string }?
---@return integer? status of HTTP
function Scene:fetch(who)
  local response = self.recording_url and moonline.http.request {
    url = self.recording_url, user = who and who.sid, password = who and who.token,
    save = self.recording, max_body = 10 * 1024 * 1024,
  }
  return response and response.status
end

---What the phones recorded is complete after this.
function Scene:finish()
  if self.alice_heard then self.alice_heard:stop() end
  if self.kate_heard then self.kate_heard:stop() end
end

local scene = {}

---@param account { sid: string, token: string }
---@param recording string path of a file for the recording of the call
function scene.new(account, recording)
  return setmetatable({
    account = account, recording = recording, events = {}, requests = {},
    invite = { to = "", from = "", headers = {} }, -- as kate's phone got it
  }, Scene)
end

return scene

-- One call as it plays: what was seen of it so far, and what its players may wait for.
local moonline = require "moonline"
local crypto = require "moonline.core.crypto"
local show = require "show"

local Scene = {}
Scene.__index = Scene

local PATIENCE = 5 -- seconds the world has to do what it should

---An event of the server, or of a player.
---@param event table
function Scene:tell(event)
  self.events[#self.events + 1] = event
  if event.kind ~= "digit" or event.from then show.event(event) end
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

---All requests to a path of the web application, and the first.
---@param path string
---@return table[]
function Scene:requests_to(path)
  local list = {}
  for _, request in ipairs(self.requests) do
    if request.path == path then list[#list + 1] = request end
  end
  return list
end

---@param path string
---@return table?
function Scene:request(path)
  return self:requests_to(path)[1]
end

---Waits until something is true, or patience is at its end.
---@param is_true fun(): any
function Scene:wait_until(is_true)
  local limit = moonline.clock() + PATIENCE
  while not is_true() and moonline.clock() < limit do moonline.sleep(0.01) end
end

---Waits for an event, as Scene:event finds it.
---@param ... string
function Scene:wait_for(...)
  local wanted = table.pack(...)
  self:wait_until(function() return self:event(table.unpack(wanted)) end)
end

---Waits until a path was asked that often.
---@param path string
---@param count integer
---@return table[] requests
function Scene:wait_for_requests(path, count)
  self:wait_until(function() return #self:requests_to(path) >= count end)
  return self:requests_to(path)
end

---Somebody presses a key, after some seconds.
---@param who "alice"|"kate"
---@param call table
---@param key string
---@param after number
function Scene:press(who, call, key, after)
  call:play { silence = after }
  self:tell { kind = "digit", digit = key, from = who, to = "moonline", time = moonline.clock() }
  call:send_digits(key)
end

---What the phones recorded is complete after this.
function Scene:end_recordings()
  for _, one in ipairs { self.alice_heard or false, self.kate_heard or false } do
    if one then one:stop() end
  end
end

---Fetches a recording without credentials and with them, into a file.
---@param url string?
---@return integer? without status
---@return integer? with status
function Scene:fetch_recording(url)
  if not url then return nil end
  local without = moonline.http.get(url)
  local basic = crypto.base64(self.account.sid .. ":" .. self.account.token)
  local with = moonline.http.request {
    url = url, headers = { Authorization = "Basic " .. basic }, save = self.recording,
    max_body = 10 * 1024 * 1024,
  }
  return without and without.status, with and with.status
end

local scene = {}

---@param account { sid: string, token: string }
---@param recording string path of the file that fetch_recording writes
function scene.new(account, recording)
  return setmetatable({ account = account, recording = recording, events = {}, requests = {} }, Scene)
end

return scene

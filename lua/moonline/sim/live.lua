-- A call while it is played: what a scenario's `during` waits for, and what it asks of the server.

local client = require "moonline.client"
local json = require "dkjson"
local task = require "moonline.task"

---@class moonline.SimLive
local Live = {}
Live.__index = Live
Live.__name = "moonline.SimLive"

local live = {}

local PATIENCE <const> = 60 -- seconds, when a scenario does not say
local EVENTS <const> = 4096 -- that may wait

---@param stage moonline.SimStage
---@return moonline.SimLive
function live.of(stage)
  return setmetatable({ stage = stage, box = task.mailbox(EVENTS), over = task.mailbox() }, Live)
end

-- An event of the call, for who waits.
function Live:post(event)
  if self.stopped then return end
  self.box:post { kind = event.kind, event = event }
end

-- Runs what the scenario does; its error is the problem of the call.
function Live:run(fn)
  local fine, why = pcall(fn, self)
  self.stopped = true
  self.over:post { kind = "over", why = not fine and tostring(why) or nil }
end

-- Waits for its end: what went wrong.
function Live:ended()
  return self.over:wait({ "over" }).why
end

---@param seconds number
function Live.sleep(_, seconds)
  task.sleep(seconds)
end

local function agrees(event, fields)
  for name, value in pairs(fields or {}) do
    if event[name] ~= value then return false end
  end
  return true
end

---Waits for the next event of a kind: "call", "verb", "bridged", "dialled", "play", "call-ended" ...
---@param kind string
---@param fields table? that it has: { name = "Dial" }
---@param timeout number? seconds; 60
---@return table event
function Live:wait(kind, fields, timeout)
  local limit = task.clock() + (timeout or PATIENCE)
  while true do
    local found = self.box:wait({ kind }, math.max(0, limit - task.clock()))
    if not found then error(("no %s within %g s"):format(kind, timeout or PATIENCE), 2) end
    if agrees(found.event, fields) then return found.event end
  end
end

---A request to the server's REST interface, below the account.
---@param method "GET"|"POST"|"DELETE"
---@param path string "/Calls.json"
---@param params table?
---@return integer status
---@return table? body
function Live:rest(method, path, params)
  local config = self.stage.server.env.config
  local response, code, why = client.request {
    method = method, params = params, user = config.account_sid, password = config.auth_token,
    url = ("http://%s/2010-04-01/Accounts/%s%s"):format(self.stage.server.http_address,
      config.account_sid, path),
  }
  if not response then error(("%s %s: %s %s"):format(method, path, code, why), 2) end
  return response.status, response.body ~= "" and json.decode(response.body) or nil
end

---Changes a live call: { Url = ... }, { Twiml = ... }, { Status = "completed" }.
---@param params table<string, string>
---@param party string? whose call; the caller's
---@return integer status
---@return table? body
function Live:update(params, party)
  return self:rest("POST", ("/Calls/%s.json"):format(self:sid(party)), params)
end

---The CallSid of a party's call.
---@param party string? the caller's
---@return string
function Live:sid(party)
  if not party or party == "caller" then return self.stage.first end
  for sid, name in pairs(self.stage.names) do
    if name == party then return sid end
  end
  error(("%s has no call"):format(party), 2)
end

return live

-- Calls that a Lua script takes. It tells the story of its call by note(...); KATE and BOB are URIs of
-- two phones, APP is the web app.
local lfs = require "lfs"
local moonline = require "moonline"
local stage = require "support.stage"

local scripted = {}

local PRELUDE = [[
local moonline = require "moonline"
local APP = "%s"
local function note(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  moonline.http.post(APP .. "/note", { text = table.concat(words, " ") })
end
local KATE, BOB = "%s", "%s"
]]

---A stage whose calls are taken by this script; kate and bob are what the phones KATE and BOB do;
---voice: paths for more keys of voice.
function scripted.open(body, kate, bob, options)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local phones = { assert(moonline.agent()), assert(moonline.agent()) }
  local s = stage.open(function(url)
    local path = folder .. "/line.lua"
    local file <close> = assert(io.open(path, "wb"))
    file:write(PRELUDE:format(url, phones[1]:uri "kate", phones[2]:uri "bob"), body)
    local voice = { script = path }
    for key, value in pairs(options or {}) do voice[key] = url .. value end
    return { voice = voice, store = { path = folder } }
  end)
  for i, fn in pairs { kate, bob } do phones[i]:on("call", fn) end
  s.phones, s.store = phones, folder
  s.web["/note"] = ""
  return s
end

---The same for the body of on("call").
function scripted.take(body, ...)
  return scripted.open('moonline.on("call", function(call)\n' .. body .. "\nend)\n", ...)
end

---Waits until n notes have come: all of them, by ";".
function scripted.notes(s, n, timeout)
  local limit = moonline.clock() + (timeout or 60)
  while #s:requests_to "/note" < n do
    if moonline.clock() > limit then break end
    moonline.sleep(0.02)
  end
  local list = {}
  for i, request in ipairs(s:requests_to "/note") do list[i] = request.params.text end
  return table.concat(list, "; ")
end

---Presses keys without waiting for them to be sent.
function scripted.keys(alice, digits)
  alice.core:play { digits = digits }
end

return scripted

-- /v1/console: runs Lua in the server. On by itself only where nobody but this machine comes.

local console = require "moonline.console"
local form = require "moonline.rest.parts.form"

local TYPE = "application/x-lua" -- one that no web page may send without asking first

local function is_on(http)
  if http.console ~= nil then return http.console end
  local host = http.listen:match "^%[?(.-)%]?:%d+$" or ""
  return not http.public_url and (host:find "^127%." or host == "::1")
end

return {
  paths = { "^(/v1/console)$" },
  POST = function(env, reply, facts)
    if not is_on(env.config.http) then
      form.fault(20003, "the console is off; http.console = true turns it on", 403)
    end
    if (reply:header "content-type" or ""):match "^[^;%s]*" ~= TYPE then
      form.fault(20001, "Content-Type: " .. TYPE .. " is expected", 415)
    end
    local session = form.read(reply.info.query):text "Session" or "default"
    if not session:find "^%w+$" or #session > 64 then
      form.fault(20001, "Session: up to 64 letters and digits are expected")
    end
    local answer = console.run(env, session, reply.info.body)
    answer.generation = facts.generation
    reply:json(200, answer)
  end,
}

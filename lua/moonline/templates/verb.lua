-- The files of `moonline new verb NAME`: ending -> text.

return {
  [".lua"] = [[
-- <NAME say digits action>: says a text, takes keys, and posts them to action as Keys.

return {
  name = "NAME",
  attrs = {
    say = { "text", required = true },
    digits = { "integer", default = 1, min = 1, max = 20 },
    action = { "url" },
  },
  run = function(session, node)
    local a = node.attrs
    local keys = session.call:gather { say = a.say, digits = a.digits, timeout = 5 }
    if not keys then return nil end -- nothing was pressed: the next verb
    return a.action and session:fetch(a.action, { Keys = keys })
  end,
}
]],

  ["_spec.lua"] = [[
-- Run it: moonline --virtual FOLDER/FILE_spec.lua
local trial = require "moonline.trial"

local folder = arg[0]:match("^(.*)/") or "."

trial.test("<NAME> asks for a key and posts it", { verbs = folder }, function(t)
  t.web["/next"] = "<Response><Hangup/></Response>"
  t:call '<NAME say="Press a key." action="/next"/>'
  t:press "4"
  assert(t:request("/next").Keys == "4")
  assert(t:said "Press a key.")
end)

trial.test("<NAME> goes on when nothing is pressed", { verbs = folder }, function(t)
  t:call '<NAME say="Press a key."/><Say>Goodbye.</Say>'
  assert(t:ended() == "completed")
  assert(t:said "Goodbye.")
end)

trial.test("<NAME> has its attributes checked", { verbs = folder }, function(t)
  t:call '<NAME say="Press a key." digits="many"/>'
  t:ended()
  assert(t:warned(12200))
end)
]],
}

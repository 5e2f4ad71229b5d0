-- The files of `moonline new app NAME`: name in the folder -> text.

return {
  ["README.md"] = [[
# NAME

A telephone application for moonline, written twice: as documents and as a script.

| | |
|---|---|
| `menu.xml` | the menu |
| `chosen.xml`, `after.xml` | the dial it leads to, and what comes after that |
| `menu.lua` | the same as a Lua script |
| `phones.lua` | who takes part in simulated calls, and what they do |
| `menu_test.lua` | what is expected to happen |

    moonline run menu.xml --phones phones.lua     # see a call
    moonline test                                 # every *_test.lua of this folder
    moonline serve --script menu.lua              # take real calls with the script

Change a document, and see what the tests say. docs/test.md of moonline lists all that a test can
expect.
]],

  ["menu.xml"] = [[
<Response>
  <Gather numDigits="1" timeout="5" action="/chosen">
    <Say>Press 1 for Kate.</Say>
  </Gather>
  <Say>Nothing was pressed. Goodbye.</Say>
</Response>
]],

  ["chosen.xml"] = [[
<Response>
  <Dial timeout="20" action="/after">
    <Sip>sip:kate@example.com</Sip>
  </Dial>
</Response>
]],

  ["after.xml"] = [[
<Response>
  <Say>Thank you for calling. Goodbye.</Say>
</Response>
]],

  ["menu.lua"] = [[
local moonline = require "moonline"

moonline.on("call", function(call)
  local key = call:gather { say = "Press 1 for Kate.", digits = 1, timeout = 5 }
  if key ~= "1" then
    call:say "Nothing was pressed. Goodbye."
    return
  end
  local kate <close>, why = call:dial("sip:kate@example.com", { timeout = 20 })
  if not kate then
    call:say("Kate cannot be reached: " .. why)
    return
  end
  call:bridge(kate)
  call:say "Thank you for calling. Goodbye."
end)
]],

  ["phones.lua"] = [[
caller { presses = { ["Press 1"] = "1" } }
kate   { rings = 2, says = "Hello, this is Kate.", hangs_up_after = 10 }
]],

  ["menu_test.lua"] = [[
scenario "kate takes the call" {
  document = "menu.xml",
  phones = "phones.lua",
  expect = function(seen)
    seen.caller:heard "Press 1 for Kate."
    seen.caller:pressed "1"
    seen.web:asked("/chosen", { Digits = "1" })
    seen.kate:got "INVITE"
    seen.caller:heard "Hello, this is Kate."
    seen.web:asked("/after", { DialCallStatus = "completed", DialCallDuration = 10 })
    seen.caller:ended "completed"
  end,
}

scenario "kate is busy" {
  document = "menu.xml",
  phones = { caller = { presses = { ["Press 1"] = "1" } }, kate = { busy = true } },
  expect = function(seen)
    seen.kate:sent(486)
    seen.web:asked("/after", { DialCallStatus = "busy" })
    seen.caller:heard("Thank you for calling.")
  end,
}

scenario "nothing is pressed" {
  document = "menu.xml",
  phones = { kate = {} },
  expect = function(seen)
    seen.kate:never_got "INVITE"
    seen.web:never_asked "/chosen"
    seen.caller:heard("Nothing was pressed. Goodbye.", { whole = true })
  end,
}

scenario "the script says that kate is busy" {
  script = "menu.lua",
  phones = { caller = { presses = { ["Press 1"] = "1" } }, kate = { busy = true } },
  expect = function(seen)
    seen.caller:heard "Kate cannot be reached: busy"
  end,
}
]],
}

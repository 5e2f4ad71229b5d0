-- A script of spec/sim: kate first, then bob.
local moonline = require "moonline"

moonline.on("call", function(call)
  call:answer()
  for _, name in ipairs { "kate", "bob" } do
    local leg <close> = call:dial(("sip:%s@example.com"):format(name), { timeout = 10 })
    if leg then
      call:bridge(leg)
      break
    end
  end
  call:say "Goodbye."
end)

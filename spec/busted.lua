-- Runs busted inside this program: moonline [--virtual] spec/busted.lua FOLDER|FILE...
-- SPEC_FILTER (environment): only tests whose full name or file contains this text.
local task = require "moonline.core.task"

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here) -- last: this file is no "busted"

-- No pcall of busted holds an unwind: a test that is unwound (its leg hung up) ends them all.
local done, value = task.catch(function()
  require "busted.runner" { standalone = false, output = here .. "/support/report.lua" }
end)
if not done then
  if value == "exit" then task.unwind(value) end
  local kind = type(value) == "table" and value.kind or tostring(value)
  print("\nFAILED: a test was unwound (" .. kind .. ") and took the others with it")
  os.exit(1)
end

-- Runs busted inside this program: moonline [--virtual] spec/busted.lua FOLDER|FILE...
-- SPEC_FILTER (environment): only tests whose full name or file contains this text.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here) -- last: this file is no "busted"

local task = require "moonline.core.task"

-- A call that ends unwinds the task that waits on it: here that is the whole run, which must not
-- pass for one that went well.
local ok, value = task.catch(require "busted.runner",
  { standalone = false, output = here .. "/support/report.lua" })
if not ok then
  if value.kind == "exit" then task.unwind(value) end -- os.exit
  print(("FAILED a test waited on a leg that had ended (%s)"):format(value.kind or value))
  print "specs: 0 passed, 1 failed, 0 pending"
  os.exit(1)
end

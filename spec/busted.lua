-- Runs busted inside this program: moonline [--virtual] spec/busted.lua FOLDER|FILE...
-- SPEC_FILTER (environment): only tests whose full name or file contains this text.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here) -- last: this file is no "busted"

local task = require "moonline.core.task"

-- busted's message handler gives nothing back, but a <close> of a failed test must see that it failed;
-- and the hangup of a leg that a test holds would end the whole run quietly.
local core_xpcall = xpcall
function _G.xpcall(fn, handler, ...)
  if not debug.getinfo(2, "S").source:find("/busted/", 1, true) then
    return core_xpcall(fn, handler, ...)
  end
  local function handle(message)
    local result = handler(message)
    return result == nil and message or result
  end
  local results = table.pack(task.catch(core_xpcall, fn, handle, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local value = results[2]
  local kind = type(value) == "table" and value.kind or tostring(value)
  return false, handle("the test was unwound: " .. kind)
end

require "busted.runner" { standalone = false, output = here .. "/support/report.lua" }

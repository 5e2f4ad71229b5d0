-- Runs busted inside this program: moonline [--virtual] spec/busted.lua FOLDER|FILE...
-- SPEC_FILTER (environment): only tests whose full name or file contains this text.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here) -- last: this file is no "busted"

-- busted's message handler gives nothing back; a <close> of a failed test must see that it failed.
local core_xpcall = xpcall
function _G.xpcall(fn, handler, ...)
  return core_xpcall(fn, function(message)
    local result = handler(message)
    return result == nil and message or result
  end, ...)
end

require "busted.runner" { standalone = false, output = here .. "/support/report.lua" }

-- Runs busted inside this program: moonline [--virtual] spec/busted.lua FOLDER|FILE...
-- SPEC_FILTER (environment): only tests whose full name or file contains this text.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here) -- last: this file is no "busted"

require "busted.runner" { standalone = false, output = here .. "/support/report.lua" }

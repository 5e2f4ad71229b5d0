-- Output of the specs: failures in full, one line a slow or pending test, and a last line of totals
-- that spec/run adds up: "specs: N passed, N failed, N pending". A passed test that proves something of
-- TwiML has a line of its own, "proved Dial timeout <tab> file <tab> name", for docs/compatibility.md.
local busted = require "busted"
local base = require "busted.outputHandlers.base"
local pretty = require "pl.pretty"

local proof = require "support.proof"

local has_sys, sys = pcall(require, "moonline.core.sys")
local is_virtual = has_sys and sys.is_virtual()

local SLOW = 5 -- seconds of real time that deserve a line

local function file_of(element)
  while element and element.descriptor ~= "file" do element = busted.parent(element) end
  return element and element.name or "?"
end

local function text_of(message)
  if message == nil then return "no message" end
  return type(message) == "string" and message or pretty.write(message)
end

local function print_failure(entry)
  local trace = entry.element.trace or entry.trace or {}
  io.write(("\nFAILED %s\n  %s:%s\n  %s\n"):format(entry.name, trace.short_src or "?",
    trace.currentline or "?", text_of(entry.message):gsub("\n", "\n  ")))
  local traceback = entry.trace and entry.trace.traceback
  if traceback then io.write("  ", (traceback:gsub("^\n", ""):gsub("\n", "\n  ")), "\n") end
end

-- Keeps what SPEC_FILTER asks for, by the names around a test and by its file.
local function filter(wanted)
  local around = {}
  local function enter(element)
    around[#around + 1] = element.name or ""
    return nil, true
  end
  local function leave()
    around[#around] = nil
    return nil, true
  end
  for _, kind in ipairs { "file", "describe" } do
    busted.subscribe({ kind, "start" }, enter, { priority = 1 })
    busted.subscribe({ kind, "end" }, leave, { priority = 1 })
  end
  for _, kind in ipairs { "it", "pending" } do
    busted.subscribe({ "register", kind }, function(name)
      local whole = table.concat(around, " ") .. " " .. name
      return nil, whole:lower():find(wanted:lower(), 1, true) ~= nil
    end, { priority = 1 })
  end
end

-- What the test's name claims and its documents bear out, or the first claim that they do not.
local function prove(element, name)
  for _, claim in ipairs(proof.claims(name)) do
    if not proof.holds(claim) then return claim end
    io.write(("proved %s\t%s\t%s\n"):format(claim, file_of(element), name))
  end
end

return function(options)
  local handler = base(options)
  local passed, failed, pending = 0, 0, 0

  local function test_end(element, _, status)
    local unproved = status == "success" and prove(element, handler.getFullName(element))
    if unproved then
      io.write(("\nFAILED %s\n  its name claims <%s>, which is in none of its documents\n"):format(
        handler.getFullName(element), unproved))
    elseif status == "success" then
      passed = passed + 1
    end
    proof.forget()
    if status == "pending" then
      pending = pending + 1
      io.write(("pending %s: %s\n"):format(file_of(element), element.name or "?"))
    end
    if status == "failure" then print_failure(handler.failures[#handler.failures]) end
    if status == "error" then print_failure(handler.errors[#handler.errors]) end
    if unproved or status == "failure" or status == "error" then failed = failed + 1 end
    if not is_virtual and (element.duration or 0) > SLOW then
      io.write(("slow %.1f s %s: %s\n"):format(element.duration, file_of(element), element.name))
    end
    io.flush()
    return nil, true
  end

  -- What broke outside a test: a file that does not load, a setup that raises.
  local function outside(element)
    if element.descriptor == "it" then return nil, true end
    failed = failed + 1
    print_failure(handler.errors[#handler.errors])
    io.flush()
    return nil, true
  end

  local function suite_end()
    io.write(("specs: %d passed, %d failed, %d pending\n"):format(passed, failed, pending))
    io.flush()
    return nil, true
  end

  local wanted = os.getenv "SPEC_FILTER"
  if wanted and wanted ~= "" then filter(wanted) end
  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "failure" }, outside)
  busted.subscribe({ "error" }, outside)
  busted.subscribe({ "suite", "end" }, suite_end)
  return handler
end

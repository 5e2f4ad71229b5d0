-- What the demo prints: headings, documents, the ladder as it happens, and what was checked.
local ladder = require "moonline.sim.ladder"

local show = { passed = 0, failed = 0 }

local PARTIES = { "alice", "moonline", "kate", "web app" }

local colour = os.getenv "DEMO_COLOUR" == "yes"
local locale = os.getenv "LC_ALL" or os.getenv "LC_CTYPE" or os.getenv "LANG" or "UTF-8"
local is_utf8 = locale == "" or locale:upper():find "UTF%-?8" ~= nil
local GOOD, BAD = is_utf8 and "✓" or "ok", is_utf8 and "✗" or "NO"

local current -- the ladder of the example that plays

---@param code string of the terminal: "1" bold, "2" faint, "31" red, "32" green
---@param text string
---@return string
local function paint(code, text)
  return colour and ("\27[%sm%s\27[0m"):format(code, text) or text
end

---@param text string
function show.line(text)
  io.write(text or "", "\n")
end

---@param text string
function show.heading(text)
  show.line()
  show.line(paint("1", text))
  show.line(paint("1", ("="):rep(#text)))
  show.line()
end

---@param path string
function show.file(path)
  for line in io.lines(path) do
    show.line(line:find "%S" and "    " .. paint("2", line) or "")
  end
  show.line()
end

---A new ladder: its parties as columns.
---@param addresses table<string, string[]> party -> where it is
function show.ladder(addresses)
  current = ladder.new(PARTIES, { aside = true, colour = colour })
  for party, list in pairs(addresses) do
    for _, address in ipairs(list) do current:party(party, address) end
  end
  show.line(paint("1", current:header()))
end

-- Events that are not the ladder's own, in words.
local words = {}

function words.bridged()
  return "alice and kate hear each other"
end

function words.recording(event)
  return ("a recording of %.1f s"):format(event.duration)
end

words["call-ended"] = function(event)
  return "the call is over: " .. event.status
end

---The next line of the ladder.
---@param event table
function show.event(event)
  local say = words[event.kind]
  if say then event = { kind = "note", at = "moonline", text = say(event), time = event.time } end
  if event.kind == "digit" and not event.from then return end -- was shown when it was pressed
  local line = current:add(event)
  if line then show.line(line) end
end

---Something that must be true.
---@param what string
---@param is_true any
---@param detail string? shown when it is not
function show.check(what, is_true, detail)
  local name = is_true and "passed" or "failed"
  show[name] = show[name] + 1
  local mark = is_true and paint("32", GOOD) or paint("31", BAD)
  show.line(("  %s %s%s"):format(mark, what, not is_true and detail and ": " .. detail or ""))
end

---The last words.
---@param recording string path
function show.summary(recording)
  local text = ("%d of %d checks passed."):format(show.passed, show.passed + show.failed)
  show.line(paint(show.failed == 0 and "32" or "31", text))
  show.line(([[

The talk of example 4, as moonline recorded it, is in %s: listen to it.

Next:
  build/moonline check examples/demo-documents/*.xml    finds mistakes in TwiML
  build/moonline serve --twiml FILE                     takes calls (see README.md)
  build/moonline doctor                                 what this machine has: ports, voices
  spec/run                                              every test]]):format(recording))
end

return show

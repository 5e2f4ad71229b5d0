-- moonline run: one call through a document or script, simulated in virtual time, and what happened.

local description = require "moonline.sim.description"
local export = require "moonline.sim.export"
local lfs = require "lfs"
local log = require "moonline.core.log"
local names = require "moonline.sim.names"
local phones = require "moonline.sim.phones"
local timeline = require "moonline.sim.timeline"
local warnings = require "moonline.sim.warnings"
local workspace = require "moonline.sim.workspace"

local HEARD = 600 -- seconds of what a party heard that a page has

local run = { summary = "Run a document or script against simulated phones" }

function run.define(parser)
  parser:argument("file", "TwiML document, Lua script, or URL of a document."):argname("FILE|URL")
  parser:option("--phones", "Lua file that describes the phones."):argname("FILE")
  parser:flag("--real-time", "In real time, not in virtual.")
  parser:option("--seed", "Of all that is random."):argname("N"):default("1")
  parser:flag("--json", "Print one JSON object.")
  parser:option("--html", "Write a page to look at."):argname("FILE")
  parser:option("--pcap", "Write the SIP messages for Wireshark and sngrep."):argname("FILE")
  parser:flag("--log", "Show the log, too.")
end

-- What the word on the command line means to a stage.
local function subject(file)
  if file:match("^https?://") then return { url = file, folder = ".", method = "GET" } end
  if lfs.attributes(file, "mode") ~= "file" then return nil, "there is no file " .. file end
  local path = file:match("^/") and file or lfs.currentdir() .. "/" .. file
  local folder, name = path:match("^(.*)/([^/]+)$")
  if name:match("%.lua$") then return { script = path, folder = folder } end
  return { document = name, folder = folder, method = "GET" }
end

local function summary(played, events)
  local list = {}
  for i, warning in ipairs(warnings.of(events)) do
    list[i] = { code = warning.code, text = warning.text }
  end
  return {
    ok = not played.failed and not played.problem, problem = played.problem,
    seconds = played:seconds(),
    verbs = setmetatable(timeline.of(events), { __jsontype = "array" }),
    warnings = setmetatable(list, { __jsontype = "array" }),
  }
end

local function print_text(played, facts, out)
  out.line(played:ladder())
  out.line(timeline.text(facts.verbs))
  for _, warning in ipairs(facts.warnings) do
    out.line(("warning %d: %s"):format(warning.code, warning.text))
  end
  if played.trouble then out.line(played.trouble) end
  out.line(facts.problem and "The call was not taken: " .. facts.problem
    or ("%.1f s, %d verbs, %d warnings"):format(facts.seconds, #facts.verbs, #facts.warnings))
end

local function play(self, source, options, out)
  local media, packets = self.server.env.media, options.pcap and self.folder .. "/rtp"
  packets = packets and media:keep_packets(packets) and packets -- none in real time
  local played = self:play { phones = options.parties, listen = options.html and HEARD or nil }
  local events = played:stable_events()
  local facts = summary(played, events)
  if options.json then
    out.line(names.json { events = events, summary = facts })
  else
    print_text(played, facts, out)
  end
  if packets then media:keep_packets() end
  local ok, why = export.write(played, { html = options.html, pcap = options.pcap, rtp = packets,
    title = options.file, script = source.script })
  if not ok then out.problem(why) end
  return (played.failed or played.trouble or not ok) and 1 or 0
end

function run.run(options, out)
  log.setup(options.log and "info" or "error", "text")
  local wanted, why = subject(options.file)
  if not wanted then
    out.problem(why)
    return 1
  end
  if options.phones then
    options.parties, why = description.read(options.phones)
    if not options.parties then
      out.problem(why)
      return 1
    end
  end
  local _ <close> = workspace.open()
  wanted.users = phones.users(options.parties)
  local self <close>, fault = require("moonline.sim.stage").open(wanted)
  if not self then
    out.problem(tostring(fault):match("^[^\n]*"))
    return 1
  end
  return play(self, wanted, options, out)
end

return run

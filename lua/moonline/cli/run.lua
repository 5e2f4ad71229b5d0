-- moonline run: one call through a document or script, simulated in virtual time, and what happened.

local json = require "dkjson"
local ladder = require "moonline.sim.ladder"
local lfs = require "lfs"
local log = require "moonline.core.log"
local runtime = require "moonline.runtime"
local suggest = require "moonline.twiml.suggest"
local timeline = require "moonline.sim.timeline"

local run = { summary = "Run a document or script against simulated phones" }

function run.define(parser)
  parser:argument("file", "TwiML document, Lua script, or URL of a document."):argname("FILE|URL")
  parser:option("--phones", "Lua file that describes the phones."):argname("FILE")
  parser:flag("--real-time", "In real time, not in virtual.")
  parser:option("--seed", "Of all that is random."):argname("N"):default("1")
  parser:flag("--json", "Print one JSON object.")
  parser:flag("--log", "Show the log, too.")
end

-- What the word on the command line means to a stage.
local function subject(file)
  if file:match("^https?://") then return { url = file, folder = "." } end
  if lfs.attributes(file, "mode") ~= "file" then return nil, "there is no file " .. file end
  local path = file:match("^/") and file or lfs.currentdir() .. "/" .. file
  local folder, name = path:match("^(.*)/([^/]+)$")
  if name:match("%.lua$") then return { script = path, folder = folder } end
  return { document = name, folder = folder }
end

-- What differs from run to run, made the same: ports of loopback, the folder of the store, and the
-- branches that sofia draws.
local function stable(self, value)
  if type(value) == "table" then
    local copy = {}
    for key, inner in pairs(value) do copy[key] = stable(self, inner) end
    return copy
  elseif type(value) ~= "string" then
    return value
  end
  local text = value:gsub("127%.0%.0%.1:%d+", self.addresses)
  text = text:gsub(";rport=%d+", ";rport=5060"):gsub(self.store_pattern, "store")
  return (text:gsub("z9hG4bK[%w%-_.]+", function(branch)
    local known = self.branches[branch]
    if not known then
      self.branch_count = (self.branch_count or 0) + 1
      known = "z9hG4bK-" .. self.branch_count
      self.branches[branch] = known
    end
    return known
  end))
end

-- What the addresses of this run are called in all runs.
local function name_addresses(self)
  local names = { [self.phones_at] = "phones.example:5060" }
  for _, address in ipairs(self.server.addresses) do
    names[address:match("^%a+:(.*)$")] = "moonline.example:5060"
  end
  names[self.caller.addresses[1]:match("^%a+:(.*)$")] = "caller.example:5060"
  names[self.server.http_address] = "moonline.example:8080"
  names[self.app.url:match("^%a+://(.*)$")] = "app.example"
  self.addresses, self.branches = names, {}
  self.store_pattern = self.store:gsub("%W", "%%%0")
end

local function summary(self, steps, problem)
  local warnings = {}
  for _, event in ipairs(self.events) do
    if event.kind == "warning" then
      warnings[#warnings + 1] = { code = event.code, text = stable(self, event.text) }
    end
  end
  local first, last = self.events[1], self.events[#self.events]
  return {
    ok = not self.failed and not problem, problem = problem,
    seconds = first and last.time - first.time or 0,
    verbs = setmetatable(steps, { __jsontype = "array" }),
    warnings = setmetatable(warnings, { __jsontype = "array" }),
  }
end

-- Every key in it, so that two runs write them in one order.
local function keys_of(value, into)
  for key, inner in pairs(value) do
    if type(key) == "string" then into[key] = true end
    if type(inner) == "table" then keys_of(inner, into) end
  end
end

local function print_json(self, facts, out)
  local events, start = {}, self.events[1] and self.events[1].time or 0
  for i, event in ipairs(self.events) do
    local copy = stable(self, event)
    copy.time = math.floor((event.time - start) * 1000 + 0.5) / 1000
    events[i] = copy
  end
  local all = { events = events, summary = facts }
  local names = {}
  keys_of(all, names)
  out.line(json.encode(all, { indent = true, keyorder = suggest.keys(names) }))
end

local function print_text(self, facts, out)
  local drawing = ladder.new({ "caller", "moonline" }, { aside = true })
  for _, address in ipairs(self.server.addresses) do drawing:party("moonline", address) end
  drawing:party("caller", self.caller.addresses[1])
  for _, name in pairs(self.parties) do drawing:column(name) end
  for _, event in ipairs(self.events) do
    if event.kind == "webhook" then drawing:column "web app" end
  end
  out.line(stable(self, drawing:text(self.events)))
  out.line(timeline.text(facts.verbs))
  for _, warning in ipairs(facts.warnings) do
    out.line(("warning %d: %s"):format(warning.code, warning.text))
  end
  out.line(facts.problem and "The call was not taken: " .. facts.problem
    or ("%.1f s, %d verbs, %d warnings"):format(facts.seconds, #facts.verbs, #facts.warnings))
end

local function play(self, options, out)
  local problem = self:play()
  name_addresses(self)
  local facts = summary(self, timeline.of(self.events), problem)
  if options.json then print_json(self, facts, out) else print_text(self, facts, out) end
  return self.failed and 1 or 0
end

function run.run(options, out)
  log.setup(options.log and "info" or "error", "text")
  local wanted, why = subject(options.file)
  if not wanted then
    out.problem(why)
    return 1
  end
  wanted.phones = {}
  if options.phones then
    wanted.phones, why = require("moonline.sim.phones").read(options.phones)
    if not wanted.phones then
      out.problem(why)
      return 1
    end
  end
  local folder = os.tmpname()
  os.remove(folder)
  wanted.store = folder .. "/server"
  runtime.configure { store = { path = folder .. "/phones" } }
  local status
  do
    local self <close>, fault = require("moonline.sim.stage").open(wanted)
    if not self then out.problem(tostring(fault):match("^[^\n]*")) end
    status = self and play(self, options, out)
  end
  os.execute("rm -rf '" .. folder .. "'")
  return status or 1
end

return run

-- A simulation: a server, phones for all whom it dials, a caller, and a web application for what it
-- asks, all in this process over real SIP, RTP and HTTP on loopback. One stage plays many calls, one
-- after another.

local background = require "moonline.background"
local client = require "moonline.client"
local draw = require "moonline.sim.draw"
local ears = require "moonline.sim.ears"
local lfs = require "lfs"
local live = require "moonline.sim.live"
local phones = require "moonline.sim.phones"
local places = require "moonline.sim.places"
local result = require "moonline.sim.result"
local suggest = require "moonline.twiml.suggest"
local sys = require "moonline.core.sys"
local tamper = require "moonline.sim.tamper"
local task = require "moonline.task"
local web = require "moonline.sim.web"
local witness = require "moonline.sim.witness"

---@class moonline.SimStage
---@field events table[] all that happened in the call that is played, in time order
---@field failed boolean a document failed
---@field store string folder
---@field server moonline.Server
---@field phone_addresses table<string, boolean> "127.0.0.1:5060", where the phones are
local Stage = {}
Stage.__index = Stage
Stage.__name = "moonline.SimStage"

local stage = {}

local FINISHED = 40 -- seconds after which no transaction is left
local GLANCE = 0.05 -- seconds between two looks whether all is over
local LONGEST = 4 * 3600 -- seconds that a call may take

---What one call is made of.
---@class moonline.Scene
---@field phones table<string, moonline.SimPhone>
---@field pages table? of the web application, see moonline.sim.web
---@field seed integer? of all that is random from here on
---@field listen number? seconds of what each party hears that are kept
---@field during fun(live: moonline.SimLive)? runs beside the call
---@field caller boolean? false: nobody calls, all is up to `during`
---@field limit number? seconds that the call may take
---@field goes_on boolean? randomness is what it was: no two calls of a stage have the same Call-ID

-- ---- what happens ---------------------------------------------------------------------------

local function add(self, event)
  event.time = event.time or task.clock()
  self.events[#self.events + 1] = event
  event.place, event.generation = #self.events, nil
end

local function press(self, leg, keys, heard)
  if not phones.press(leg, keys) then return end
  add(self, { kind = "digit", digit = keys, from = heard.at, to = "moonline", call = heard.call })
end

function Stage:saw(event)
  if not self.is_playing then return end -- what is left of an earlier call
  witness.name(self, event)
  add(self, event)
  if event.kind == "failure" then self.failed = true end
  if event.kind == "webhook" then witness.note(self, event) end
  if event.kind == "call" then
    local who = witness.user(event.from)
    self.names[event.call], self.legs[event.call] = self.calling[who] and who, self.calling[who]
    self.first = self.first or not self.calling[who] and event.call or nil
  end
  local leg = self.legs[event.call] or event.call == self.first and self.caller_leg
  if event.kind == "play" and leg then
    event.at = self.names[event.call] or "caller"
    local keys = event.said and phones.hears(self.scene.phones[event.at], event.said)
    if keys then self.beside:spawn(press, self, leg, keys, event) end
  end
  if self.live then self.live:post(event) end
end

-- ---- opening ----------------------------------------------------------------------------------

local function listen(self, name, leg)
  local seconds = self.scene.listen or 0
  if seconds <= 0 then return end
  local ear = ears.open(self.phones.env.media, leg, seconds, ("%s/%d.wav"):format(self.folder,
    self.ear_count))
  self.ear_count = self.ear_count + 1
  self.heard[name] = self.heard[name] or {}
  table.insert(self.heard[name], ear)
end

local function tools(self, name, leg)
  return { tamper = self.tamper, beside = self.beside,
    draw = function(what, range) return self.draw(name .. " " .. what, range) end,
    connected = function() listen(self, name, leg) end }
end

local function open_phones(self, session)
  local agent = assert(require("moonline.agent").open { listen = places.PHONES,
    session_expires = session })
  self.phones, self.phone_addresses = agent, {}
  for i, address in ipairs(agent.addresses) do
    local plain = address:match("(%d+%.%d+%.%d+%.%d+:%d+)$")
    self.phone_addresses[plain] = true
    if i == 1 then self.phones_at = plain else self.trunk_at = plain end
  end
  agent:on("call", function(call)
    local sid, name = call.headers["x-twilio-callsid"] or call.sid, witness.user(call.to)
    self.legs[sid], self.names[sid] = call, name
    phones.take(call, self.scene.phones[name], tools(self, name, call))
  end)
end

local function answer(self, asked)
  witness.request(self, { method = asked.method, path = asked.path, params = asked.params,
    headers = asked.headers, host = asked.headers["x-forwarded-host"] })
  return web.answer(self.scene.pages or {}, self.source, asked, self.draw)
end

---Opens it.
---@param options moonline.SimPlace
---@return moonline.SimStage?, string? why
function stage.open(options)
  local folder = options.store and options.store:match("^(.*)/") or os.tmpname()
  if not options.store then os.remove(folder) end
  lfs.mkdir(folder)
  local self = setmetatable({ store = options.store or folder .. "/server", folder = folder,
    is_own = not options.store, source = options.folder, ear_count = 0, played = 0 }, Stage)
  self:clear {}
  local sip = options.config and options.config.sip or {}
  open_phones(self, sip.session_expires)
  self.caller = assert(require("moonline.agent").open { session_expires = sip.session_expires })
  self.caller_address = self.caller.addresses[1]:match("^%a+:(.*)$")
  self.app = background.keep(assert(client.serve({}, function(asked)
    return answer(self, asked)
  end)))
  local why
  self.server, why = require("moonline").server(places.configuration(self, options),
    { observed = true, lua = options.lua })
  if not self.server then
    self:close()
    return nil, why
  end
  self.server:observe(function(event) self:saw(event) end)
  return self
end

-- ---- playing ----------------------------------------------------------------------------------

-- Nothing of an earlier call is left.
function Stage:clear(scene)
  self.scene, self.events, self.legs, self.names, self.parties = scene, {}, {}, {}, {}
  self.order, self.requests, self.heard, self.failed = {}, {}, {}, false
  self.first, self.caller_leg, self.live, self.calling, self.pending = nil, nil, nil, {}, 0
  scene.phones = scene.phones or {}
  self.draw = draw.of(scene.seed or 1)
end

-- The caller's side of it: the words of a refusal, nil when the call was taken.
local function call(self, scene)
  local spec = scene.phones.caller or {}
  local leg, why, status = self.caller:begin(self.server:uri(spec.dials or "moonline"),
    { from = spec.from or "caller", headers = spec.headers })
  if not leg then return why .. " " .. status end
  self.caller_leg = leg
  local _ <close> = task.closing(function() leg:close() end)
  return phones.call(leg, spec, scene.limit or LONGEST, tools(self, "caller", leg))
end

-- A phone that calls in, too.
local function call_in(self, name, spec)
  task.sleep(self.draw(name .. " calls", spec.calls.after or 0))
  local leg <close> = self.phones:begin(self.server:uri(spec.calls.to), { from = name })
  self.calling[name] = leg
  self.pending = self.pending - 1
  task.catch(phones.call, leg, spec, LONGEST, tools(self, name, leg))
end

local function begin_calls(self, specs)
  for _, name in ipairs(suggest.keys(specs)) do
    if specs[name].calls then
      self.pending = self.pending + 1
      self.beside:spawn(call_in, self, name, specs[name])
    end
  end
end

-- Until no call is left, and all about them is told.
local function settle(self)
  local limit = task.clock() + (self.scene.limit or LONGEST)
  while self.pending > 0 or self.server:legs() > 0 or not self.server:is_quiet() do
    if task.clock() > limit then return "calls are left" end
    task.sleep(GLANCE)
  end
  task.sleep(GLANCE) -- the last ACK
end

local function open_wire(self)
  local ports = { tonumber(self.caller_address:match("%d+$")) }
  for address in pairs(self.phone_addresses) do
    ports[#ports + 1] = tonumber(address:match("%d+$"))
  end
  local wire, why = tamper.open(ports)
  if not wire then error("phones that vanish, or describe what they are not: " .. why, 0) end
  return wire
end

-- Phones of which nothing gets through end by themselves: what they repeat belongs to no other call.
local function forget(self)
  for _, leg in pairs(self.legs) do
    if not leg.ended then leg.core:hangup() end
  end
  while self.phones.core:legs() + self.caller.core:legs() > 0 do task.sleep(GLANCE) end
  task.sleep(FINISHED)
end

---Plays a call to its end.
---@param scene moonline.Scene
---@return moonline.SimResult
function Stage:play(scene)
  self:clear(scene)
  if scene.seed and not scene.goes_on then
    sys.seed(scene.seed + (self.played << 32)) -- no Call-ID comes again
  end
  self.played = self.played + 1
  if sys.is_virtual() then task.sleep(math.ceil(task.time()) - task.time()) end -- dates are in seconds
  self.began, self.is_playing = task.time(), true
  local held <close> = phones.register(self.phones, self.server, scene.phones)
  local wire <close> = phones.tamper(scene.phones) and open_wire(self) or nil
  self.tamper = wire
  self.live = scene.during and live.of(self)
  local beside <close> = task.group()
  self.beside = beside
  begin_calls(self, scene.phones)
  if self.live then beside:spawn(self.live.run, self.live, scene.during) end
  local problem = scene.caller ~= false and call(self, scene) or nil
  local trouble = self.live and self.live:ended()
  held:leave()
  trouble = settle(self) or trouble or nil
  self.is_playing = false
  local made = result.of(self, problem, trouble)
  if wire then forget(self) end
  return made
end

---Ends all of it, and removes what it wrote.
function Stage:close()
  if self.closed then return end
  self.closed = true
  for _, name in ipairs { "caller", "server", "phones", "app" } do
    if self[name] then self[name]:close() end
  end
  if self.is_own then os.execute(("rm -rf '%s'"):format(self.folder)) end
end

Stage.__close = Stage.close

return stage

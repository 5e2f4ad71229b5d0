-- A receiver of callbacks that does everything wrong, one thing after the other: in the end each was taken
-- once, in order, and the call noticed nothing.
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local ALL = 'statusCallbackEvent="initiated ringing answered completed"'

-- What a try meets, in this order. What returns nothing has answered for itself.
local FAULTS = {
  { "stalls", function() moonline.sleep(20) return 204 end },
  { "resets", function(request) request.core:drop() end },
  { "fails", function() return 500, "no" end },
  { "redirects for ever", function(request)
    return 302, "", { Location = request.path .. "x" }
  end },
  { "truncates", function(request)
    request.core:begin(200, { { "Content-Length", "500" } })
    request.core:write "half of it"
    request.core:drop()
  end },
  { "gives a byte a second", function(request)
    request.core:begin(200, {})
    for _ = 1, 60 do
      if not request.core:write "x" then return end
      moonline.sleep(1)
    end
  end },
  { "says a thing of its own", function() return 300, "what?" end },
  { "is too busy", function() return 429, "", { ["Retry-After"] = "1" } end },
}

local Receiver = {}
Receiver.__index = Receiver

local function receiver()
  local self = setmetatable({ tries = 0, got = {}, met = {} }, Receiver)
  self:open()
  return self
end

-- Each callback meets two faults before it is taken.
function Receiver:answer(request)
  if request.path:find("x", 1, true) then return 302, "", { Location = request.path .. "x" } end
  self.tries = self.tries + 1
  local fault = self.tries % 3 ~= 0 and table.remove(FAULTS, 1)
  if fault then
    self.met[#self.met + 1] = fault[1]
    return fault[2](request)
  end
  local token = request.headers["i-twilio-idempotency-token"]
  assert(not self.got[token], "taken twice")
  self.got[token] = true
  self.got[#self.got + 1] = request.params.CallStatus
  return 204
end

function Receiver:open()
  self.app = assert(moonline.http.serve({ port = self.port },
    function(request) return self:answer(request) end))
  self.port, self.url = self.app.port, self.app.url
end

-- Nobody is there for a while.
function Receiver:turn_away()
  self.app:close()
  moonline.sleep(8)
  self:open()
end

function Receiver:close() self.app:close() end
Receiver.__close = Receiver.close

describe("the outbox", function()
  it("V5 delivers through a receiver that refuses, stalls, resets, fails, redirects, truncates "
    .. "its answer or gives a byte a second", function()
    local app <close> = receiver()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes { ring = 1, talk = 1 })
    s.web["/voice"] = stage.twiml(([[<Dial action="/after">
      <Sip statusCallback="%s/cb" %s>%s</Sip></Dial>]]):format(app.url, ALL, kate.address))
    s.web["/after"] = stage.twiml "<Hangup/>"
    local begun = moonline.clock()
    moonline.spawn(function()
      moonline.sleep(0.5)
      app:turn_away()
    end)
    party.ended(assert(s:call()))
    assert.near(2, moonline.clock() - begun, 0.5)
    local after = s:request "/after".params
    assert.equal("completed", after.DialCallStatus)
    moonline.sleep(300)
    assert.same({ "initiated", "ringing", "in-progress", "completed" },
      { table.unpack(app.got, 1, #app.got) })
    assert.equal(8, #app.met)
    assert.equal(0, s.server.env.records:health().pending)
    local codes = {}
    for _, event in ipairs(s:seen "warning") do codes[#codes + 1] = event.code end
    assert.equal(4, #codes) -- one notification a callback, however often it fails
    s:quiet()
  end)
end)

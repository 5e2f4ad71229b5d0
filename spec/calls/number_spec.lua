-- <Number>, and a bare number in <Dial>: through the trunk whose pattern takes it.
local moonline = require "moonline"
local peer = require "support.peer"
local phones = require "support.phones"
local stage = require "support.stage"
local story = require "support.story"

local function busy(self, request)
  if request.method == "INVITE" then self:reply(request, "486 Busy Here") end
end

-- Dials by these nouns; what the carriers of these patterns got, and the stage's view of it.
local function dial(nouns, patterns, options)
  local carriers, trunks = {}, {}
  for name, match in pairs(patterns) do
    carriers[name] = peer.open(busy)
    trunks[name] = { proxy = "sip:" .. carriers[name].where, match = match or nil }
  end
  local s <close> = stage.open { trunks = trunks, dial = { several = true } }
  local params = phones.dial(s, nouns, options)
  s:quiet()
  local got = {}
  for name, carrier in pairs(carriers) do
    for _, invite in ipairs(carrier:of "INVITE") do got[name] = invite.uri:match "^sip:([^@]*)@" end
    carrier:close()
  end
  return params, got
end


describe("a number in Dial", function()
  it("V2 <Number> is written in many ways and dialled in one", function()
    for text, number in pairs {
      ["+15550100"] = "+15550100", ["+1 (555) 010-0100"] = "+15550100100",
      ["555-010-0100"] = "5550100100", [" 1.555.0100\n"] = "15550100", ["100"] = "100",
    } do
      local params, got = dial("<Number>" .. text .. "</Number>", { carrier = false })
      assert.equal("busy", params.DialCallStatus)
      assert.equal(number, got.carrier)
    end
  end)

  it("V2 stands in <Dial> as bare text too", function()
    local params, got = dial("+1 555 0100", { carrier = false })
    assert.equal("busy", params.DialCallStatus)
    assert.equal("486", params.DialSipResponseCode)
    assert.equal("+15550100", got.carrier)
  end)

  it("V2 goes through the first trunk by name whose match finds it, else one without", function()
    local patterns = { b_world = "^%+", a_france = "^%+33", z_rest = false }
    local function through(number)
      local _, got = dial("<Number>" .. number .. "</Number>", patterns)
      local name = next(got)
      assert.is_nil(next(got, name))
      return name
    end
    assert.equal("a_france", through "+33123456")
    assert.equal("b_world", through "+15550100")
    assert.equal("z_rest", through "100")
  end)

  it("V2 that no trunk takes is not dialled: 13224, which says how to mend it", function()
    local s <close> = stage.open {
      trunks = { only = { proxy = "sip:127.0.0.1:9", match = "^%+33" } },
    }
    local params = phones.dial(s, "<Number>+15550100</Number>")
    assert.equal("failed", params.DialCallStatus)
    assert.is_true(story.no_child(params))
    assert.matches("no trunk takes %+15550100.*trunks%.NAME%.match", s:warned(13224))
    s:quiet()
  end)

  it("V1 that is none is refused: 13223, 13226", function()
    for text, code in pairs { ["alice"] = 13223, [""] = 13223, ["+1555x"] = 13223, ["++1"] = 13223,
      ["1234567890123456"] = 13223, ["+0155501"] = 13226, ["sip:a@b"] = 13223 } do
      local s <close> = stage.open { trunks = { all = { proxy = "sip:127.0.0.1:9" } } }
      local params = phones.dial(s, "<Number>" .. text .. "</Number>")
      assert.equal("failed", params.DialCallStatus)
      assert.is_true(story.no_child(params))
      assert.is_string(s:warned(code), text)
      s:quiet()
    end
    local s <close> = stage.open { trunks = { all = { proxy = "sip:127.0.0.1:9" } } }
    assert.equal("failed", phones.dial(s, "call me").DialCallStatus)
    assert.is_string(s:warned(13223))
    s:quiet()
  end)

  it("V1 warns of attributes that are wrong, and dials: 13221, 13222, 13750", function()
    for attribute, code in pairs { ['method="PUT"'] = 13221, ['sendDigits="12x"'] = 13222,
      ['sendDigits="' .. ("1"):rep(33) .. '"'] = 13222, ['byoc="BY1"'] = 13750,
      ['machineDetection="Enable"'] = 13750 } do
      local carrier <close> = peer.open(busy)
      local s <close> = stage.open { trunks = { all = { proxy = "sip:" .. carrier.where } } }
      local params = phones.dial(s, ("<Number %s>+15550100</Number>"):format(attribute))
      assert.equal("busy", params.DialCallStatus)
      assert.is_string(s:warned(code), attribute)
      s:quiet()
    end
  end)

  it("V2 <Number sendDigits url method>: keys after the answer, before the bridge", function()
    local s <close> = stage.open()
    local keys, answered_at = {}, nil
    local carrier = story.phone(s, "carrier", function(call)
      call:answer()
      answered_at = moonline.clock()
      while true do keys[#keys + 1] = call:wait({ "digit" }).digit end
    end)
    s.server.env.config.trunks.all = { proxy = { (carrier.address:gsub("carrier@", "")) } }
    assert(s.server:reload())
    s.web["/screen"] = "<Response/>"
    s.web["/voice"] = phones.document(
      '<Number sendDigits="w12#" url="/screen" method="GET">+15550100</Number>')
    s.web["/after"] = "<Response/>"
    local leg = s:begin()
    local asked = s:request "/screen"
    assert.same({ "1", "2", "#" }, keys)
    assert.is_true(asked.time - answered_at >= 0.5 + 3 * 0.1)
    assert.equal("+15550100", asked.params.To)
    assert.equal("GET", asked.method)
    assert.equal(0, #s:seen "bridged")
    story.bridged(s)
    leg:hangup()
    assert.equal("completed", s:request("/after").params.DialCallStatus)
    s:quiet()
  end)

  it("S16 <Number statusCallback statusCallbackEvent statusCallbackMethod> tells", function()
    local carrier <close> = peer.open(busy)
    local s <close> = stage.open { trunks = { all = { proxy = "sip:" .. carrier.where } } }
    s.web["/events"] = ""
    phones.dial(s, [[<Number statusCallback="/events" statusCallbackMethod="GET"
      statusCallbackEvent="initiated completed">+1 555 0100</Number>]])
    s:quiet()
    local list = s:requests_to "/events"
    assert.equal("initiated", list[1].params.CallStatus)
    assert.equal("busy", list[2].params.CallStatus)
    assert.equal("GET", list[1].method)
    assert.equal("+15550100", list[1].params.To)
    assert.equal("486", list[2].params.SipResponseCode)
  end)

  it("S10 rings beside clients and addresses, up to ten", function()
    local params, got = dial("<Number>+15550100</Number><Number>+33123</Number>",
      { one = "^%+1", two = "^%+33" })
    assert.equal("busy", params.DialCallStatus)
    assert.same({ one = "+15550100", two = "+33123" }, got)
  end)

  it("L1 is dialled by scripts as its text", function()
    local carrier <close> = peer.open(busy)
    local file = os.tmpname()
    local out <close> = assert(io.open(file, "w"))
    out:write [[
      require("moonline").on("call", function(call)
        local _, why, code = call:dial "+1 555 0100"
        call:run(("<Response><Redirect>%s/%s/%d</Redirect></Response>"):format(
          call.headers["x-app"], why, code))
      end)
    ]]
    out:close()
    local s <close> = stage.open { voice = { script = file },
      trunks = { all = { proxy = "sip:" .. carrier.where, from = "+15550199" } } }
    s.web["/busy/486"] = "<Response/>"
    s:begin { headers = { { "X-App", s.app.url } } }
    s:request "/busy/486"
    assert.equal("sip:+15550100@" .. carrier.where, carrier:of("INVITE")[1].uri)
    assert.matches("^<sip:%+15550199@", carrier:of("INVITE")[1]:get "From")
    s:quiet()
    os.remove(file)
  end)
end)

-- Options of the public functions: one that there is not is refused by name, with what was meant, at
-- the line that gave it.
local moonline = require "moonline"
local options = require "moonline.options"
local stage = require "support.stage"
require "moonline.call"

-- What a function says when it is given that: the message without its place, which is this file.
local function refusal(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  local file, message = tostring(problem):match("^(.-):%d+: (.*)$")
  assert(file and file:find("options_spec.lua", 1, true), problem)
  return message
end

-- Function by function: a misspelt option, and what it should have been. The leg is one in a call.
local SLIPS <const> = {
  play = { function(leg) leg:play("a.wav", { lop = 2 }) end, "lop", "loop" },
  ["play: a sound"] = { function(leg) leg:play { { say = "hi" }, { sy = "hi" } } end, "sy", "say" },
  say = { function(leg) leg:say("hello", { langage = "de-DE" }) end, "langage", "language" },
  gather = { function(leg) leg:gather { tiemout = 5 } end, "tiemout", "timeout" },
  record = { function(leg) leg:record { silense = 3 } end, "silense", "silence" },
  dial = { function(leg) leg:dial("sip:a@b", { Timeout = 5 }) end, "Timeout", "timeout" },
  refer = { function(leg) leg:refer("sip:a@b", { header = {} }) end, "header", "headers" },
  run = { function(leg) leg:run("<Response/>", { methode = "GET" }) end, "methode", "method" },
  conference = { function(leg) leg:conference("room", { mutd = true }) end, "mutd", "muted" },
  enqueue = { function(leg) leg:enqueue("line", { wiat = false }) end, "wiat", "wait" },
  dequeue = { function(leg) leg:dequeue("line", { limt = 5 }) end, "limt", "limit" },
  stream = { function(leg) leg:stream("ws://a", { trak = "both" }) end, "trak", "track" },
  call = { function() moonline.call("sip:a@b", { usrname = "x" }) end, "usrname", "username" },
  ["http.request"] = { function() moonline.http.request { ulr = "http://a" } end, "ulr", "url" },
  ["http.serve"] = { function() moonline.http.serve({ prot = 80 }, print) end, "prot", "port" },
  agent = { function() moonline.agent { listn = {} } end, "listn", "listen" },
  server = { function() moonline.server({}, { observd = true }) end, "observd", "observed" },
  register = { function(_, phone) phone:register("sip:a@b", { expiers = 60 }) end, "expiers",
    "expires" },
}

describe("L1 an unknown option", function()
  local function with_call(fn)
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Gather timeout="60"/>'
    local phone <close> = assert(moonline.agent())
    return fn(assert(s:call()), phone)
  end

  it("is refused by every function, with its name and the one that was meant", function()
    with_call(function(leg, phone)
      for what, slip in pairs(SLIPS) do
        local message = '%s: there is no option "%s" (did you mean %s?)'
        assert.equal(message:format(what, slip[2], slip[3]), refusal(slip[1], leg, phone))
      end
    end)
  end)

  it("is refused by an agent's own calls, too", function()
    local phone <close> = assert(moonline.agent())
    for _, name in ipairs { "call", "begin" } do
      assert.equal('call: there is no option "form" (did you mean from?)',
        refusal(function() phone[name](phone, "sip:a@b", { form = "me" }) end))
    end
  end)

  it("that is like none is told with those there are", function()
    with_call(function(leg)
      assert.equal('refer: there is no option "colour" (there are: headers, timeout)',
        refusal(function() leg:refer("sip:a@b", { colour = "red" }) end))
      assert.matches('^gather: there is no option "1" %(there are: barge_in, ',
        refusal(function() leg:gather { "menu.wav" } end))
      assert.equal("say: a table of options expected, not a string",
        refusal(function() leg:say("hello", "de-DE") end))
      assert.equal("gather: a table of options expected, not a number",
        refusal(function() leg:gather(5) end))
    end)
  end)

  it("is tried here for every function that has options", function()
    for what in pairs(options.known) do assert(SLIPS[what], what .. " is not tried") end
  end)

  it("of a configuration is told, too", function()
    local ok, why = moonline.server { voise = {} }
    assert.is_nil(ok)
    assert.matches("voise.*did you mean voice", why)
  end)
end)

local config = require "moonline.config"

local folder

local function load(text, options)
  options = options or {}
  options.environment = options.environment or {}
  if text then
    options.file = folder .. "/moonline.conf"
    local file <close> = io.open(options.file, "w")
    file:write(text)
  end
  return config.load(options)
end

local function lines(problems)
  local list = {}
  for i, problem in ipairs(problems) do
    list[i] = config.format(problem):gsub("^.*/moonline%.conf:", "")
  end
  return list
end

describe("the configuration", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(require("lfs").mkdir(folder))
  end)

  after_each(function()
    for name in require("lfs").dir(folder) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)

  it("has defaults", function()
    local c = load()
    assert.same({ "udp:127.0.0.1:5060", "tcp:127.0.0.1:5060" }, c.sip.listen)
    assert.equal("warn", c.twiml.mode)
    assert.equal(50, c.limits.resume_ms)
    assert.is_nil(c.voice.url)
    assert.same(config.defaults(), c)
  end)

  it("merges tables key by key, and replaces lists", function()
    local c = load [[
      sip = { listen = { "udp:127.0.0.1:0" }, regions = { ie1 = { bind = "127.0.0.2" } } }
      limits = { calls = 7 }
      dial = { outcomes = { [480] = "busy" } }
    ]]
    assert.same({ "udp:127.0.0.1:0" }, c.sip.listen)
    assert.equal(1800, c.sip.session_expires)
    assert.same({ ie1 = { bind = "127.0.0.2" } }, c.sip.regions)
    assert.equal(7, c.limits.calls)
    assert.equal(300, c.limits.drain)
    assert.same({ [480] = "busy", [603] = "busy" }, c.dial.outcomes)
  end)

  it("takes the sample as it is printed", function()
    for _, name in ipairs { "c.pem", "k.pem", "sales.lua" } do
      io.open(folder .. "/" .. name, "w"):close()
    end
    local c, problems = load([[
      account_sid = "AC00000000000000000000000000000001"
      auth_token  = env "MOONLINE_AUTH_TOKEN"
      sip = { listen = { "udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "tls:127.0.0.1:5061" },
        advertise = nil, tls = { certificate = "c.pem", key = "k.pem", verify = true },
        allow = { "127.0.0.0/8" }, users = { alice = "secret" },
        regions = { ie1 = { bind = "127.0.0.2", proxy = "sip:10.0.0.1;lr", advertise = nil } },
        resolve = { ["example.com"] = "127.0.0.1:5070" }, session_expires = 1800 }
      trunks = { carrier = { proxy = "sip:10.0.0.9", register = false, match = "^%+" } }
      rtp = { listen = "127.0.0.1", ports = { 20000, 29999 }, timeout = 60 }
      http = { listen = "127.0.0.1:8080", public_url = nil }
      voice = { url = "http://127.0.0.1:3000/voice", method = "POST" }
      numbers = { ["+15550100"] = { url = "http://a/" },
        ["sales@pbx.example.com"] = { script = "sales.lua" } }
      twiml = { mode = "warn", verbs = { "./verbs" } }
      dial = { several = false, follow = 5, outcomes = { [603] = "busy" }, ring_tone = "us" }
      media = { threads = 1, codecs = { "PCMU", "PCMA" } }
      webhook = { connect_timeout = 5, timeout = 15, max_body = 65536, resolve = {}, allow = {},
        deny = { "169.254.0.0/16", "fe80::/10", "255.255.255.255/32" } }
      store = { path = "./moonline-data" }
      recording = { format = "pcm16" }
      speech = { voices = {}, recogniser = nil }
      limits = { calls = 1000, resume_ms = 50, resume_mb = 16, memory_mb = 512, drain = 300 }
    ]], { environment = { MOONLINE_AUTH_TOKEN = "canary" } })
    assert.truthy(c, table.concat(lines(problems), "\n"))
    assert.equal("canary", c.auth_token)
    assert.equal(folder .. "/c.pem", c.sip.tls.certificate)
    assert.equal(folder .. "/sales.lua", c.numbers["sales@pbx.example.com"].script)
    assert.equal(folder .. "/./moonline-data", c.store.path)
  end)

  it("env() reads a variable or gives the default", function()
    assert.equal("d", load('auth_token = env("NOT_SET", "d")').auth_token)
    assert.is_nil(load('auth_token = env "NOT_SET"').auth_token)
  end)

  it("unknown keys are errors with file, line and a suggestion", function()
    local c, problems = load [[
sip = {
  listne = {}, regions = { ["ie1"] = { bnid = "127.0.0.2" } },
}
recordng = { format = "pcm16" }]]
    assert.is_nil(c)
    assert.same({
      "2:3: unknown key sip.listne (did you mean listen?)",
      "2:40: unknown key sip.regions.ie1.bnid (did you mean bind?)",
      "4:1: unknown key recordng (did you mean recording?)",
    }, lines(problems))
  end)

  it("every value is checked for type and range", function()
    for _, text in ipairs {
      'account_sid = "AC1"', "auth_token = 5", "auth_token = ''", "sip = 5",
      'sip = { listen = {} }', 'sip = { listen = { "udp:127.0.0.1" } }',
      'sip = { listen = { "xyz:127.0.0.1:1" } }', 'sip = { listen = { "udp:1.2.3.4:99999" } }',
      'sip = { listen = { [2] = "udp:1.2.3.4:1" } }', 'sip = { listen = { a = "udp:1.2.3.4:1" } }',
      'sip = { listen = { "tls:127.0.0.1:5061" } }', 'sip = { allow = { "10.0.0.0/33" } }',
      'sip = { users = { alice = 5 } }', 'sip = { regions = { ie1 = { bind = "host" } } }',
      'sip = { regions = { ["i e"] = {} } }', 'sip = { resolve = { a = "b" } }',
      'sip = { session_expires = 5 }', 'sip = { tls = { verify = "no" } }',
      'trunks = { a = { proxy = "sip:a", match = "[" } }',
      'trunks = { a = { proxy = "http://x" } }', "trunks = { a = {} }",
      "rtp = { ports = { 5 } }", "rtp = { ports = { 30, 20 } }", "rtp = { ports = { 5, 70000 } }",
      'rtp = { timeout = "x" }', "rtp = { timeout = 0/0 }", 'http = { listen = "8080" }',
      'http = { public_url = "x" }', 'voice = { url = "ftp://x" }', 'voice = { method = "PUT" }',
      'voice = { url = "http://a", twiml = "<Response/>" }', 'voice = { script = "missing.lua" }',
      'numbers = { [5] = { url = "http://a" } }', 'twiml = { mode = "lax" }',
      "dial = { several = 1 }", "dial = { follow = -1 }", "dial = { follow = 1.5 }",
      'dial = { outcomes = { [200] = "busy" } }', 'dial = { outcomes = { [486] = "engaged" } }',
      'dial = { ring_tone = "xx" }', "media = { threads = -1 }", 'media = { codecs = { "opus" } }',
      "media = { codecs = {} }", "webhook = { timeout = 0 }", 'webhook = { deny = { "x" } }',
      "store = { path = '' }", "store = { path = 5 }", 'recording = { format = "mp3" }',
      "limits = { calls = 0 }", "limits = { drain = -1 }",
      'speech = { recogniser = "x" }',
      "sip = { listen = env }",
      "sip = { listen = print }", "x = 1", "sip = { tls = function() end }",
    } do
      local c, problems = load(text)
      assert.is_nil(c, text)
      assert.equal(1, #problems, text)
      assert.equal(1, problems[1].line, text)
      assert.is_string(problems[1].message)
    end
  end)

  it("is a program in an empty world", function()
    for _, text in ipairs { 'os.execute("x")', 'require "x"', "print(1)", "sip.listen = 5",
      "x = = 5",
      "sip = { tls = { verify = True } }", "\27Lua", "error {}", "env()", "while true do end" } do
      local c, problems = load(text)
      assert.is_nil(c, text)
      assert.is_true(#problems >= 1)
    end
    local c = load [[local base = 20000
      local function range(n) return { base, base + n } end
      rtp = { ports = range(99) }
      rtp.timeout = 7]]
    assert.same({ 20000, 20099 }, c.rtp.ports)
    assert.equal(7, c.rtp.timeout)
  end)

  it("syntax errors have line and column", function()
    local _, problems = load "sip = {}\nrtp = = 5"
    assert.same({ "2:7: unexpected symbol near '='" }, lines(problems))
  end)

  it("flag over --set over environment over file over default", function()
    local file = 'rtp = { timeout = 1 } limits = { calls = 1, drain = 1, resume_ms = 1 }'
    local c = load(file, {
      environment = { MOONLINE_LIMITS_CALLS = "2", MOONLINE_LIMITS_DRAIN = "2",
        MOONLINE_LIMITS_RESUME_MS = "2" },
      set = { "limits.drain=3", "limits.resume_ms=3" },
      flags = { { key = "limits.resume_ms", value = 4, origin = "--x" } },
    })
    assert.same({ 1, 2, 3, 4, 512 }, { c.rtp.timeout, c.limits.calls, c.limits.drain,
      c.limits.resume_ms, c.limits.memory_mb })
  end)

  it("--set reads literals where they are, else text", function()
    local c, problems = load(nil, { set = {
      "sip.regions.ie1.bind=127.0.0.2", "sip.users.alice=1234", "rtp.ports={1000, 2000}",
      "sip.listen=udp:1.2.3.4:5,tcp:1.2.3.4:6", "sip.resolve.example.com=127.0.0.1:5070",
      "dial.outcomes.480=busy", 'numbers.+15550100.url="http://x/"', "dial.several=true",
      "numbers.sales@pbx.example.com.url=http://y/", "webhook.deny=private", "rtp.timeout=nil",
    } })
    assert.truthy(c, table.concat(lines(problems), "\n"))
    assert.equal("127.0.0.2", c.sip.regions.ie1.bind)
    assert.equal("1234", c.sip.users.alice)
    assert.same({ 1000, 2000 }, c.rtp.ports)
    assert.same({ "udp:1.2.3.4:5", "tcp:1.2.3.4:6" }, c.sip.listen)
    assert.equal("127.0.0.1:5070", c.sip.resolve["example.com"])
    assert.equal("busy", c.dial.outcomes[480])
    assert.equal("http://x/", c.numbers["+15550100"].url)
    assert.equal("http://y/", c.numbers["sales@pbx.example.com"].url)
    assert.is_true(c.dial.several)
    assert.equal(60, c.rtp.timeout)
  end)

  it("--set tells what is wrong", function()
    for _, text in ipairs { "foo", "=5", "sip.listne=5", "rtp.timeout=abc", "rtp.timeout.x=5",
      "dial.outcomes.abc=busy", "sip=5", "dial.several=maybe", "nope=1", "sip.tls.verify={}" } do
      local c, problems = load(nil, { set = { text } })
      assert.is_nil(c, text)
      assert.equal(1, #problems, text)
      assert.truthy(config.format(problems[1]):find("--set", 1, true), text)
    end
  end)

  it("variables name any key; those that name none are told", function()
    local c, problems = load(nil, { environment = {
      MOONLINE_SIP_REGIONS_IE1_BIND = "127.0.0.2", MOONLINE_SIP_USERS_ALICE = "007",
      MOONLINE_VOICE_FALLBACK_URL = "http://x/", MOONLINE_ACCOUNT_SID = "", MOONLINE_URL = "x",
      MOONLINE_SERVICE_HOST = "1", MOONLINE_DIAL_OUTCOMES_480 = "failed", HOME = "/",
    } })
    assert.equal("127.0.0.2", c.sip.regions.ie1.bind)
    assert.equal("007", c.sip.users.alice)
    assert.equal("http://x/", c.voice.fallback_url)
    assert.equal("failed", c.dial.outcomes[480])
    assert.is_nil(c.account_sid)
    assert.equal(1, #problems)
    assert.equal("warning", problems[1].level)
    c, problems = load(nil, { environment = { MOONLINE_RTP_TIMEOUT = "x" } })
    assert.is_nil(c)
    assert.equal("MOONLINE_RTP_TIMEOUT", problems[1].origin)
  end)

  it("a source of calls from a flag replaces the file's", function()
    local c = load('voice = { url = "http://a/" }', {
      flags = { { key = "voice.twiml", value = "<Response/>", origin = "--twiml" } },
    })
    assert.is_nil(c.voice.url)
    assert.equal("<Response/>", c.voice.twiml)
  end)

  it("webhook.deny = \"private\" adds the networks of a house", function()
    local c = load 'webhook = { deny = "private" }'
    local set = {}
    for _, net in ipairs(c.webhook.deny) do set[net] = true end
    assert.is_true(set["10.0.0.0/8"] and set["169.254.0.0/16"] and set["::1/128"])
    assert.is_nil(set.private)
  end)

  it("a file that is not there", function()
    local c, problems = config.load { file = "/nonexistent/x.conf", environment = {} }
    assert.is_nil(c)
    assert.equal("/nonexistent/x.conf:1:1: No such file or directory", config.format(problems[1]))
  end)

  it("is told apart from a program", function()
    assert.is_true(config.is_configuration "sip = { listen = {} }")
    assert.is_true(config.is_configuration "local x = 1\nvoice = { url = x }")
    assert.is_false(config.is_configuration 'local m = require "moonline"\nvoice = 5')
    assert.is_false(config.is_configuration "return { attrs = { sip = 5 } }")
    assert.is_false(config.is_configuration "print(5)")
  end)

  it("survives anything", function()
    local places = require "moonline.config.places"
    local literal = require "moonline.config.literal"
    local seed = 3
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed // 8 % n
    end
    local alphabet = { "{", "}", "[", "]", "=", ",", "a", '"', "'", "\n", "--", "[[", "(", ")", "5",
      "\\", "nil", " ", "-", "]]", "\255" }
    for _ = 1, 3000 do
      local text = ""
      for _ = 1, 1 + random(20) do text = text .. alphabet[1 + random(#alphabet)] end
      places.find(text)
      literal.read(text)
    end
  end)
end)

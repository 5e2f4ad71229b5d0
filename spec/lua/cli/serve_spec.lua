local argparse = require "argparse"
local config = require "moonline.config"
local serve = require "moonline.cli.serve"

local function settings(...)
  local parser = argparse()
  serve.define(parser)
  local ok, options = parser:pparse { ... }
  assert.is_true(ok, options)
  local result = serve.settings(options)
  result.environment = {}
  return config.load(result)
end

describe("moonline serve", function()
  it("turns its flags into configuration", function()
    local c = settings("--sip", "udp:127.0.0.1:0", "--sip", "sip:127.0.0.1:5062;transport=tcp",
      "--http", "off", "--voice-url", "http://a/", "--set", "rtp.timeout=5", "--set",
      "dial.several=true")
    assert.same({ "udp:127.0.0.1:0", "tcp:127.0.0.1:5062" }, c.sip.listen)
    assert.equal("off", c.http.listen)
    assert.equal("http://a/", c.voice.url)
    assert.equal(5, c.rtp.timeout)
    assert.is_true(c.dial.several)
  end)

  it("names the flag that is wrong", function()
    local c, problems = settings("--sip", "x", "--http", "y", "--twiml", "/nonexistent")
    assert.is_nil(c)
    local text = {}
    for i, problem in ipairs(problems) do text[i] = config.format(problem) end
    text = table.concat(text, "\n")
    assert.truthy(text:find("--sip: ", 1, true))
    assert.truthy(text:find("--http: ", 1, true))
    assert.truthy(text:find("there is no file /nonexistent", 1, true))
  end)
end)

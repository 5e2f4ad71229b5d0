-- What programs have beyond call scripts: recordings in the background, a web server, a server.
local lfs = require "lfs"
local moonline = require "moonline"
local signature = require "moonline.webhook.signature"
local stage = require "support.stage"

describe("a program", function()
  it("records a call in the background while the call goes on", function()
    local s <close> = stage.open()
    local recording
    s:phone("kate", function(call)
      recording = call:record { background = true }
      call:play { silence = 2 }
      recording:stop()
      call:wait {}
    end)
    s.web["/voice"] = stage.twiml("<Dial><Sip>" .. s.phones[1].address .. "</Sip></Dial>")
    local alice = assert(s:call())
    alice:play { tone = "523", seconds = 3 }
    alice:hangup()
    s:quiet()
    assert.near(2, recording.duration, 0.2)
    assert.equal("file", lfs.attributes(recording.path, "mode"))
    os.remove(recording.path)
  end)

  it("ends a recording in the background with its block, also after the call", function()
    local s <close> = stage.open()
    local path
    local kate = s:phone("kate", function(call)
      local recording <close> = assert(call:record { background = true })
      path = recording.path
      call:wait {}
    end)
    s.web["/voice"] = stage.twiml("<Dial><Sip>" .. kate.address .. "</Sip></Dial>")
    local alice = assert(s:call())
    alice:play { tone = "523", seconds = 1 }
    alice:hangup()
    s:quiet()
    assert.is_true(lfs.attributes(path, "size") > 8000)
    os.remove(path)
  end)

  it("is told every SIP message of a server that it observes", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml("<Hangup/>")
    s:call()
    s:quiet()
    local first = s:seen("message")[1]
    assert.matches("^INVITE sip:line@", first.text)
    assert.is_false(first.sent)
    assert.equal(0, s.server:legs())
    assert.matches("^sip:line@127%.0%.0%.1:%d+$", s.server:uri "line")
  end)
end)

describe("a web server", function()
  local function ask(options)
    local seen
    local web <close> = assert(moonline.http.serve({}, function(request)
      seen = request
      seen.good, seen.bad = request:is_signed "secret", request:is_signed "other"
      return 204
    end))
    options.url = web.url .. options.url
    if options.sign then
      options.headers = { ["X-Twilio-Signature"] = signature.of("secret", options.url,
        options.method == "POST" and { { "b", "2" }, { "a", "1 & more" } } or nil) }
      options.params = options.method == "POST" and { b = 2, a = "1 & more" } or nil
      options.sign = nil
    end
    assert.equal(204, assert(moonline.http.request(options)).status)
    return seen, web.url
  end

  it("knows the URL it was asked for", function()
    local request, base = ask { url = "/a/b?c=d" }
    assert.equal(base .. "/a/b?c=d", request.url)
    assert.equal("d", request.params.c)
  end)

  it("knows a request that is signed from one that is not", function()
    assert.is_true(ask({ url = "/x", method = "POST", sign = true }).good)
    assert.is_false(ask({ url = "/x", method = "POST", sign = true }).bad)
    assert.is_true(ask({ url = "/x?y=z", sign = true }).good)
    assert.is_false(ask({ url = "/x?y=z" }).good)
  end)

  it("is given user and password as Basic credentials", function()
    local request = ask { url = "/x", user = "Aladdin", password = "open sesame" }
    assert.equal("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", request.headers.authorization)
  end)
end)

describe("moonline.configure", function()
  it("comes first or not at all", function()
    moonline.agent():close()
    assert.error_matches(function() moonline.configure {} end, "has calls or requests already")
  end)
end)

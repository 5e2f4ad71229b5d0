-- What a script is made of beside itself: modules, and the web server it holds a port with.
local changing = require "support.changing"
local lfs = require "lfs"
local moonline = require "moonline"
local stage = require "support.stage"

local write, folder, told, change, health, generations =
  changing.write, changing.folder, changing.told, changing.change, changing.health,
  changing.generations

local function ask(s)
  local _, _, code = s:call()
  return code
end

describe("a module beside a script", function()
  local SCRIPT = [[
local moonline = require "moonline"
local codes = require "lib.codes"
moonline.on("call", function(call) call:reject(codes.refusal) end)
]]

  -- A script that refuses with what lib/codes.lua says.
  local function open()
    local own = folder()
    assert(lfs.mkdir(own.path .. "/lib"))
    write(own.path .. "/lib/codes.lua", "return { refusal = 410 }\n")
    write(own.path .. "/line.lua", SCRIPT)
    return own, own.path .. "/lib/codes.lua"
  end

  it("L2 is loaded again when it has changed", function()
    local own <close>, module = open()
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" } }
    assert.equal(410, ask(s))
    change(s, module, "return { refusal = 411 }\n")
    assert.equal(411, ask(s))
    change(s, module, "return { refusal = 412 }\n")
    assert.equal(412, ask(s))
    s:quiet()
    assert.equal(1, generations(s))
  end)

  it("L2 that is broken is refused with its line, and taken when it is mended", function()
    local own <close>, module = open()
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" } }
    change(s, module, "return {\n refusal = = 3\n}\n", "refused")
    assert.equal(module, health(s).refused.file)
    assert.equal(2, health(s).refused.line)
    assert.equal(410, ask(s))
    change(s, module, "return { refusal = 411 }\n")
    assert.equal(411, ask(s))
    s:quiet()
  end)

  it("L2 that is missing is told, and noticed when it comes", function()
    local own <close> = open()
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" } }
    local wish = SCRIPT:gsub("lib%.codes", "lib.others")
    change(s, own.path .. "/line.lua", wish, "refused")
    assert.matches("module 'lib.others' not found: there is no .*/lib/others.lua",
      health(s).refused.message)
    assert.equal(410, ask(s))
    change(s, own.path .. "/lib/others.lua", "return { refusal = 413 }\n")
    assert.equal(413, ask(s))
    s:quiet()
  end)

  it("L2 that a call was the first to need is noticed, too", function()
    local own <close>, module = open()
    write(own.path .. "/line.lua", [[
require("moonline").on("call", function(call) call:reject(require("lib.codes").refusal) end)
]])
    local s <close> = stage.open { voice = { script = own.path .. "/line.lua" } }
    assert.equal(410, ask(s))
    change(s, module, "return { refusal = 411 }\n")
    assert.equal(411, ask(s))
    s:quiet()
  end)
end)

describe("a script's web server on a port of its own", function()
  local SCRIPT = [[
local moonline = require "moonline"
local app = assert(moonline.http.serve({ port = %d }, function() return "%s" end))
moonline.on("call", function(call) call:reject(410) end)
%s
]]

  local function free_port()
    local server <close> = assert(moonline.http.serve({}, function() end))
    return server.port
  end

  it("L2 L3 goes on under the next generation, and under none when that is refused", function()
    local own <close> = folder()
    local path, port = own.path .. "/line.lua", free_port()
    local function says()
      return (assert(moonline.http.get(("http://127.0.0.1:%d/"):format(port)))).body
    end
    write(path, SCRIPT:format(port, "first", ""))
    local s <close> = stage.open { voice = { script = path } }
    assert.equal("first", says())
    for _, word in ipairs { "second", "third" } do
      change(s, path, SCRIPT:format(port, word, ""))
      assert.equal(1, generations(s))
      assert.equal(word, says())
    end
    change(s, path, SCRIPT:format(port, "broken", "error 'no'"), "refused")
    collectgarbage()
    assert.equal("third", says())
    change(s, path, SCRIPT:format(port, "mended", ""))
    assert.equal(1, generations(s))
    assert.equal("mended", says())
    assert.equal(410, ask(s))
    local before = #s:seen "generation"
    write(path, (SCRIPT:format(port, "", ""):gsub("local app[^\n]*", "")))
    told(s, "generation", before)
    assert.equal(1, generations(s))
    assert.is_nil((moonline.http.get(("http://127.0.0.1:%d/"):format(port))))
    s:quiet()
  end)

  it("L3 is refused where another holds the port: in the same script, or the server's own",
    function()
    local own <close> = folder()
    local path, port = own.path .. "/line.lua", free_port()
    write(path, SCRIPT:format(port, "first", ""))
    local s <close> = stage.open { voice = { script = path } }
    local again = ("assert(moonline.http.serve({ port = %d }, print))"):format(free_port())
    change(s, path, SCRIPT:format(port, "twice", again .. again), "refused")
    assert.matches("cannot listen on 127.0.0.1", health(s).refused.message)
    local taken = tonumber(s.server.http_address:match ":(%d+)$")
    change(s, path, SCRIPT:format(taken, "thief", ""), "refused")
    assert.matches("cannot listen on 127.0.0.1", health(s).refused.message)
    s:quiet()
  end)
end)

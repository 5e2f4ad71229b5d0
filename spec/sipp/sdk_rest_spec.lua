-- The official Node SDK, as it is: its client against our REST interface, its validator on our webhooks.
local json = require "dkjson"
local moonline = require "moonline"
local npm = require "support.npm"
local party = require "support.party"
local process = require "support.process"
local served = require "support.served"

local SDK = "6.2.0"
local ACCOUNT, TOKEN = "AC" .. ("7"):rep(32), "its-token"

describe("the official SDK", function()
  local server, kate, sdk

  setup(function()
    sdk = npm.package("twilio", SDK)
    server = served.start { "--set", "account_sid=" .. ACCOUNT, "--set", "auth_token=" .. TOKEN }
    kate = assert(moonline.agent())
    kate:on("call", party.takes())
  end)
  teardown(function()
    kate:close()
    server:close()
  end)
  before_each(function() server:fresh() end)

  -- Runs a script of the client against the server.
  local function client(script)
    server.web["/answered"] = '<Response><Pause length="60"/></Response>'
    local node <close> = process.start { "node", process.root .. "/spec/sdk/" .. script, sdk,
      server.url, ACCOUNT, TOKEN, kate:uri "kate", server.app.url .. "/answered" }
    assert.equal(0, node:exit(30), node:said())
    assert.matches("all as it should be", node:said()) -- a promise that nobody keeps ends node, too
  end

  it("R1 places, reads, lists, pages, changes and deletes calls, records them and fetches that",
    function() client "rest.js" end)

  it("R1 V2 calls into conferences, steers who is there, makes queues and serves them",
    function() client "rooms.js" end)

  it("V5 takes each of our webhooks for genuine, and no other", function()
    local list = {}
    -- As the application sees it; params of a form only, a repeated name as a list.
    local function note(request)
      local params = {}
      for _, pair in ipairs(request.form) do
        local known = params[pair[1]]
        params[pair[1]] = known and { known, pair[2] } or pair[2]
      end
      list[#list + 1] = { url = request.url, signature = request.headers["x-twilio-signature"],
        params = setmetatable(params, { __jsontype = "object" }) }
    end
    server.web["/voice"] = function(request)
      note(request)
      return '<Response><Redirect method="GET">/next?a=1&amp;b=%C3%A4+b</Redirect></Response>'
    end
    server.web["/next"] = function(request)
      note(request)
      return "<Response><Redirect>/last?x=y</Redirect></Response>"
    end
    server.web["/last"] = function(request)
      note(request)
      return "<Response><Hangup/></Response>"
    end
    local alice <close> = assert(moonline.agent())
    local call = alice:call("sip:line@127.0.0.1:" .. server.port,
      { from = "alice", headers = { ["X-Name"] = "Jos\u{e9} & <co> + 100%" } })
    server:request "/last"
    if call then call:close() end
    local forged = { url = list[1].url, params = list[1].params, signature = list[2].signature }
    list[#list + 1] = forged
    local folder = process.folder()
    local lines = {}
    for i, one in ipairs(list) do lines[i] = json.encode(one) end
    local file = process.write(folder .. "/webhooks", table.concat(lines, "\n"))
    local verdicts = npm.lines("spec/sdk/webhook.js", sdk, TOKEN, file)
    process.remove(folder)
    assert.same({ "true", "true", "true", "false" }, verdicts)
  end)
end)

-- moonline show: what passed in a call of a running server.
local json = require "dkjson"
local moonline = require "moonline"
local party = require "support.party"
local process = require "support.process"
local served = require "support.served"
local task = require "moonline.core.task"

local ACCOUNT, TOKEN = "AC" .. ("7"):rep(32), "its token"

describe("moonline show", function()
  local server, kate, alice, folder, sid

  setup(function()
    folder = process.folder()
    server = served.start { "--set", "account_sid=" .. ACCOUNT, "--set", "auth_token=" .. TOKEN }
    kate, alice = assert(moonline.agent()), assert(moonline.agent())
    kate:on("call", party.takes { ring = 0.1, talk = 0.2 })
    server.web["/voice"] = ('<Response><Dial action="/after"><Sip>%s</Sip></Dial></Response>')
      :format(kate:uri "kate")
    server.web["/after"] = "<Response><Hangup/></Response>"
    local _ <close> = assert(alice:call("sip:line@127.0.0.1:" .. server.port,
      { from = "alice" }))
    sid = server:request("/after").params.CallSid
    local limit = task.clock() + 5
    while server:get("/metrics").body:match("\nmoonline_calls (%d+)\n") ~= "0" do
      assert.is_true(task.clock() < limit, "the call does not end")
      task.sleep(0.02)
    end
  end)
  teardown(function()
    kate:close()
    alice:close()
    server:close()
    process.remove(folder)
  end)

  local function show(...)
    local one <close> = process.start({ process.moonline, "show", ... }, { directory = folder,
      environment = { MOONLINE_URL = server.url, MOONLINE_ACCOUNT_SID = ACCOUNT,
        MOONLINE_AUTH_TOKEN = TOKEN } })
    return one:exit(), one:out(), one:err()
  end

  it("--ladder draws both legs, with --json each message is in it", function()
    local status, out = show(sid, "--ladder")
    assert.equal(0, status)
    assert.matches("^ +alice +moonline +kate +web app\n", out)
    assert.matches("INVITE sip:kate@127.0.0.1:%d+ %+SDP\n", out)
    assert.matches("POST /after %(action%)\n", out)
    status, out = show(sid, "--ladder", "--json")
    assert.equal(0, status)
    local body = json.decode(out)
    assert.equal(sid, body.sid)
    assert.matches("^INVITE sip:line@.*\r\n\r\nv=0", body.rows[1].text)
  end)

  it("--pcap and --html write the same for others to look at", function()
    assert.equal(0, (show(sid, "--pcap", "call.pcap", "--html", "call.html")))
    local one <close> = process.start({ "tshark", "-r", "call.pcap", "-Y", "sip", "-T", "fields",
      "-e", "sip.Method", "-e", "sip.Status-Code" }, { directory = folder })
    assert.equal(0, one:exit(), one:said())
    local invites, oks = 0, 0
    for method, code in one:out():gmatch("(%u*)\t(%d*)\n") do
      if method == "INVITE" then invites = invites + 1 end
      if code == "200" then oks = oks + 1 end
    end
    assert.equal(2, invites)
    assert.equal(4, oks)
    local page = process.read(folder .. "/call.html")
    assert.matches("<title>sip:alice@127.0.0.1", page)
    assert.truthy(page:find("INVITE sip:kate@", 1, true))
  end)

  it("says what is not there", function()
    local status, _, why = show("CA" .. ("0"):rep(32), "--ladder")
    assert.equal(1, status)
    assert.matches("not found %(20404%)", why)
    status, _, why = show(sid, "--html", "no/such/file")
    assert.equal(1, status)
    assert.matches("no/such/file: No such file", why)
  end)
end)

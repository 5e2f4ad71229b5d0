-- What users' files hold: walked as a script could walk it (every key, every name that anything of ours
-- has), and compared with all that stands behind it.
local changing = require "support.changing"
local faces = require "moonline.faces"
local moonline = require "moonline"
local runtime = require "moonline.runtime"
local sandbox = require "moonline.sandbox"
local session = require "moonline.twiml.session"
local stage = require "support.stage"
require "moonline.trial"

-- A verb that keeps all it can get in its global `held`.
local HOLDER <const> = [[
local moonline = require "moonline"
return {
  check = function(node, report, options) held = { checked = { node, report, options } } end,
  run = function(session, node)
    local call = session.call
    local phone, web = moonline.agent(), moonline.http.serve({}, print)
    local parsed, problems = moonline.twiml.parse(
      "<Response><Dial><Sip>a@b</Sip></Dial></Response>")
    local response = moonline.twiml.response()
    for name, value in pairs {
      moonline = moonline, session = session, node = node, call = call, phone = phone, web = web,
      parsed = parsed, problems = problems, response = response, dial = response:dial {},
      group = moonline.group(), box = moonline.mailbox(), task = moonline.spawn(print),
      log = moonline.log.call "CA1", recording = call:record { background = true },
      key = call:wait("digit", 5), take = call:record { max = 1 }, hooks = session.hooks,
      source = session:source(node.children[1]), tree = moonline.xml.parse "<a b='1'><c/></a>",
      found = table.pack(moonline.wait({ call }, nil, 0.1)),
      builder = require "moonline.twiml.builder",
      placed = phone:begin("sip:a@127.0.0.1:9"), remove = moonline.hook("x", print),
    } do held[name] = value end
  end,
  connect = function(dial, node, outcome)
    outcome.status = "completed"
    outcome.params[1] = { "A", "b" }
    held.dialling, held.outcome = dial, outcome
  end,
}
]]

-- All tables and handles behind our modules and this runtime, and every name in them.
local function behind(...)
  local things, names = {}, {}
  local function visit(value)
    local kind = type(value)
    if things[value] or kind ~= "table" and kind ~= "userdata" then return end
    things[value] = true
    visit(debug.getmetatable(value))
    if kind ~= "table" then return end
    for key, inner in next, value do
      if type(key) == "string" then names[key] = true end
      visit(key)
      visit(inner)
    end
  end
  for name, module in pairs(package.loaded) do
    if name:find "^moonline%." then visit(module) end
  end
  for _, thing in ipairs { ... } do visit(thing) end
  return things, names
end

-- What a script reaches from there without calling anything: value -> how.
local function reach(root, names)
  local seen = {}
  local function visit(value, path)
    local kind = type(value)
    if seen[value] or kind ~= "table" and kind ~= "userdata" then return end
    seen[value] = path
    if kind == "table" then
      for key, inner in next, value do
        visit(key, path .. ".<key>")
        visit(inner, path .. "." .. tostring(key))
      end
    end
    for name in pairs(names) do
      local ok, inner = pcall(function() return value[name] end)
      if ok then visit(inner, path .. "." .. name) end
    end
  end
  visit(root, "held")
  return seen
end

describe("L3 what a user's file holds", function()
  local function hold(fn)
    local own <close> = changing.folder()
    local path = own.path .. "/holder.lua"
    changing.write(path, HOLDER)
    local chunk = assert(sandbox.chunk(path))
    local verb = sandbox.element(chunk())
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Gather timeout="2"/><Play digits="1"/><Gather timeout="60"/>'
    local leg = assert(s:call { headers = { ["X-Mine"] = "yes" } })
    local own_session = session.new(leg)
    local node = assert(moonline.twiml.parse(stage.twiml "<Gather><Say>x</Say></Gather>")).verbs[1]
    verb.check(node, error, { elements = runtime.env().elements, mode = "warn" })
    verb.run(own_session, node)
    local dial = setmetatable({ call = leg, session = own_session, attrs = { timeout = 1 } },
      { __name = "moonline.Dial" })
    local outcome = setmetatable({ status = "failed", params = {} },
      { __name = "moonline.DialOutcome" })
    verb.connect(dial, node, outcome)
    local _, env = debug.getupvalue(chunk, 1)
    fn(env.held, leg, own_session, node, outcome)
    for _, name in ipairs { "phone", "web", "placed" } do env.held[name]:close() end
    env.held.recording:stop()
  end

  it("has nothing of ours behind it, by whatever name", function()
    hold(function(held, leg, own_session, node)
      local things, names = behind(runtime.env(), leg, own_session, node, faces)
      assert.is_true(names.env and names.core and names.box and names.agent and names.__index)
      local reached = 0
      for value, path in pairs(reach(held, names)) do
        reached = reached + 1
        local meta = debug.getmetatable(value)
        local shared = things[value] and not (type(meta) == "table" and meta.__tojson) -- json.null
        assert(not shared or type(value) == "userdata" and meta.__name == "moonline.Task",
          path .. " is ours")
      end
      assert.is_true(reached > 60, reached)
    end)
  end)

  -- All names that anything of ours has, tried on these objects.
  it("answers to the public names alone", function()
    local PUBLIC <const> = {
      call = "answer answer_headers bridge check close conference dequeue dial direction duration "
        .. "echo enqueue from gather hangup headers id on parent_sid play record refer reject ring "
        .. "run say send_digits sid state status stream to wait warn",
      session = "base call callback_url fetch hooks log post run screening source warn",
      node = "attrs children column dropped fault given line name text",
      phone = "addresses begin call close on register uri",
      web = "close port url",
      recording = "duration is_there path sid stop url",
      take = "absent duration key path sid url why",
      dialling = "attrs call session",
      hooks = "add fire",
      parsed = "errors problems verbs",
      moonline = "agent call clock group hook http json log mailbox media on sleep spawn timer "
        .. "twiml version wait xml",
    }
    hold(function(held, leg, own_session, node)
      local _, names = behind(runtime.env(), leg, own_session, node, faces)
      leg.answer_headers, leg.parent_sid, node.fault, node.text = {}, "CA1", {}, "x"
      own_session.base = "http://a"
      for _, list in pairs(PUBLIC) do
        for name in list:gmatch "%S+" do names[name] = true end
      end
      for what, list in pairs(PUBLIC) do
        local answered = {}
        for name in pairs(names) do
          if held[what][name] ~= nil then answered[name] = true end
        end
        for name in list:gmatch "%S+" do answered[name] = answered[name] or "silent" end
        for name, known in pairs(answered) do
          local is_public = (" " .. list .. " "):find(" " .. name .. " ", 1, true)
          assert(is_public, what .. "." .. name .. " answers")
          local may_be_silent = what == "take" and name == "key"
          assert(known == true or may_be_silent, what .. "." .. name .. " is silent")
        end
      end
    end)
  end)

  it("has what is public", function()
    hold(function(held, leg, _, node, outcome)
      local call = held.call
      assert.same({ leg.sid, leg.sid, leg.from, leg.to, "in-progress", "outbound-api" },
        { call.id, call.sid, call.from, call.to, call.state, call.direction })
      assert.equal(call, held.session.call)
      assert.equal(call, held.found[1] or call)
      assert.equal("1", held.key.digit)
      assert.equal("Say", held.node.children[1].name)
      assert.equal("x", held.source.say)
      assert.same({ node.line, "dtmf" }, { held.node.line, held.node.attrs.input[1] })
      assert.matches("%.wav$", held.recording.path)
      assert.matches("%.wav$", held.take.path)
      assert.equal("max", held.take.why)
      assert.equal("a@b", held.parsed.verbs[1].children[1].text)
      assert.equal("<Dial/>", tostring(held.dial))
      assert.matches("^udp:127.0.0.1:%d+$", held.phone.addresses[1])
      assert.matches("^http://127.0.0.1:%d+$", held.web.url)
      assert.same({ "completed", { { "A", "b" } } }, { outcome.status, outcome.params })
      assert.equal(call, held.dialling.call)
      assert.same({ mode = "warn" }, held.checked[3])
      for _, name in ipairs { "env", "core", "box", "info", "fire", "over", "configure" } do
        assert.is_nil(call[name])
        assert.is_nil(held.moonline[name])
      end
    end)
  end)

  it("keeps what the file puts there, for the file alone", function()
    hold(function(held, leg)
      held.call.account, held.call.state = 7, "mine"
      assert.same({ 7, "mine" }, { held.session.call.account, held.session.call.state })
      assert.same({ "in-progress" }, { leg.state, leg.account })
    end)
  end)
end)

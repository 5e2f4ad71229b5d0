local document = require "moonline.twiml.document"
local elements = require "moonline.elements"

local function parse(text, options)
  return document.parse(text, options)
end

local function response(body, options)
  return parse("<Response>\n" .. body .. "\n</Response>", options)
end

local function only(problems)
  assert.equal(1, #problems, #problems .. " problems")
  return problems[1]
end

describe("V3: a document", function()
  it("gives checked nodes with typed attributes", function()
    local doc, problems = response [[<Dial timeout="10" hangupOnStar="true" callerId="bob"
      action="/done"><Sip username="admin" password="1234">
        sip:kate@example.com
      </Sip></Dial>]]
    assert.same({}, problems)
    local dial = doc.verbs[1]
    assert.equal("Dial", dial.name)
    assert.equal(10, dial.attrs.timeout)
    assert.is_true(dial.attrs.hangupOnStar)
    assert.equal("bob", dial.attrs.callerId)
    assert.equal("POST", dial.attrs.method)
    assert.equal(14400, dial.attrs.timeLimit)
    assert.is_true(dial.given.action)
    assert.is_nil(dial.given.method)
    assert.equal(2, dial.line)
    local sip = dial.children[1]
    assert.equal("sip:kate@example.com", sip.text)
    assert.equal("admin", sip.attrs.username)
    assert.same({ "completed" }, sip.attrs.statusCallbackEvent)
    assert.is_nil(dial.fault)
  end)

  it("<Dail>: did you mean Dial", function()
    local doc, problems = response "  <Dail><Sip>a@b</Sip></Dail>"
    local problem = only(problems)
    assert.same({ 2, 3, 12200, "warning", "Dial" },
      { problem.line, problem.column, problem.code, problem.level, problem.suggestion })
    assert.same({}, doc.verbs)
  end)

  it("statuscallback=: did you mean statusCallback", function()
    local doc, problems = response '<Dial><Sip statuscallback="/x">a@b</Sip></Dial>'
    local problem = only(problems)
    assert.same({ 2, 12200, "statusCallback" }, { problem.line, problem.code, problem.suggestion })
    assert.truthy(doc)
  end)

  it("timeout=\"ten\": 13212, and the default is used", function()
    local doc, problems = response '<Dial timeout="ten"><Sip>a@b</Sip></Dial>'
    local problem = only(problems)
    assert.equal(13212, problem.code)
    assert.equal("10", problem.suggestion)
    assert.truthy(problem.message:find("from 1 to 600", 1, true))
    assert.equal(30, doc.verbs[1].attrs.timeout)
  end)

  it("<Sip> outside Dial: says where it belongs", function()
    local _, problems = response "<Sip>a@b</Sip>"
    local problem = only(problems)
    assert.equal(12200, problem.code)
    assert.truthy(problem.message:find("<Dial>", 1, true))
    assert.equal("<Dial><Sip>", problem.suggestion)
  end)

  it("strict: faults are errors and there is no document", function()
    local doc, problems = response('<Dial timeout="ten"><Sip>a@b</Sip></Dial>', { mode = "strict" })
    assert.is_nil(doc)
    assert.equal("error", only(problems).level)
  end)

  it("twilio: values are read kindly", function()
    local doc, problems = response('<Dial timeout="700" hangupOnStar="TRUE"><Sip>a@b</Sip></Dial>',
      { mode = "twilio" })
    assert.same({}, problems)
    assert.equal(600, doc.verbs[1].attrs.timeout)
    assert.is_true(doc.verbs[1].attrs.hangupOnStar)
  end)

  it("12100: broken XML with its place", function()
    local doc, problems = parse "<Response>\n  <Say>x\n</Response>"
    assert.is_nil(doc)
    assert.equal(12100, only(problems).code)
    assert.is_true(problems[1].line >= 2)
    for _, text in ipairs { "x", "<", "<Response>", "<Response/><x/>", "\0",
      "\n<?xml version='1.0'?><Response/>",
      "<!DOCTYPE a [<!ENTITY b 'c'>]><Response>&b;</Response>" } do
      assert.equal(12100, only(select(2, parse(text))).code, text)
    end
  end)

  it("12102: another root", function()
    assert.equal(12102, only(select(2, parse "<html/>")).code)
    assert.equal("Response", only(select(2, parse "<response/>")).suggestion)
  end)

  it("11770: nothing", function()
    for _, text in ipairs { "", " \n\t", "\239\187\191" } do
      assert.equal(11770, only(select(2, parse(text))).code)
    end
  end)

  it("an empty Response is a document", function()
    local doc, problems = parse "<Response/>"
    assert.same({}, doc.verbs)
    assert.same({}, problems)
  end)

  it("names are case sensitive and never become paths", function()
    for _, name in ipairs { "say", "SAY", "S..", "Sa-y", "Say1", "tw:Say" } do
      local doc, problems = response(("<%s/>"):format(name))
      assert.same({}, doc and doc.verbs or {}, name)
      assert.is_true(#problems >= 1, name)
    end
  end)

  it("text where none belongs is told with its place", function()
    local _, problems = response "<Hangup>bye</Hangup>\n  hello"
    assert.equal(2, #problems)
    assert.equal(3, problems[1].line)
    assert.equal(3, problems[1].column)
  end)

  it("a document without end is cut off", function()
    local doc, problems = response(("<Hangup/>"):rep(1500))
    assert.is_nil(doc)
    assert.equal("error", only(problems).level)
  end)

  it("name spaces of XML are no attributes", function()
    local _, problems = parse [[<Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
      xsi:noNamespaceSchemaLocation="x.xsd"/>]]
    assert.same({}, problems)
  end)
end)

describe("V1: TwiML that is not supported", function()
  it("is told by its name, apart from a typing slip", function()
    for _, name in ipairs { "Enqueue", "Record", "Connect", "Pay", "Sms", "Leave", "Refer", "Echo",
      "Start", "Stop", "Prompt", "Queue" } do
      local doc, problems = response(("<%s/><Hangup/>"):format(name))
      local problem = only(problems)
      assert.equal(13750, problem.code)
      assert.truthy(problem.message:find(name, 1, true))
      assert.equal("Hangup", doc.verbs[1].name)
    end
  end)

  it("nouns too, and the Dial has a fault", function()
    for _, name in ipairs { "Number", "Client", "Conference", "Queue", "Application", "WhatsApp",
      "Sim" } do
      local doc, problems = response(("<Dial><%s>x</%s></Dial>"):format(name, name))
      assert.equal(13750, problems[1].code, name)
      assert.equal(13215, doc.verbs[1].fault.code, name)
    end
  end)
end)

describe("S10: one Sip in a Dial", function()
  it("13250: two of them", function()
    local doc, problems = response "<Dial><Sip>a@b</Sip><Sip>c@d</Sip></Dial>"
    assert.equal(13250, only(problems).code)
    assert.truthy(problems[1].message:find("dial.several", 1, true))
    assert.equal(13250, doc.verbs[1].fault.code)
  end)

  it("13215: another noun beside it", function()
    local doc = response "<Dial><Sip>a@b</Sip><Number>+15550100</Number></Dial>"
    assert.equal(13215, doc.verbs[1].fault.code)
  end)

  it("dial.several lifts the limit, to ten", function()
    local doc, problems = response(("<Dial>%s</Dial>"):format(("<Sip>a@b</Sip>"):rep(10)),
      { several = true })
    assert.same({}, problems)
    assert.is_nil(doc.verbs[1].fault)
    doc = response(("<Dial>%s</Dial>"):format(("<Sip>a@b</Sip>"):rep(11)), { several = true })
    assert.equal(13250, doc.verbs[1].fault.code)
  end)

  it("nobody at all is a fault", function()
    assert.equal(13215, response("<Dial/>").verbs[1].fault.code)
    assert.equal(13224, response("<Dial>+15550100</Dial>").verbs[1].fault.code)
  end)
end)

describe("S14: call screening", function()
  it("13201: forbidden verbs are found when the document is loaded", function()
    for _, name in ipairs { "Dial", "Enqueue", "Connect", "Refer", "Leave", "Reject", "Echo" } do
      local doc, problems = response(("<Say>x</Say><%s/>"):format(name), { screening = true })
      assert.is_nil(doc, name)
      assert.equal(13201, problems[#problems].code)
      assert.equal("error", problems[#problems].level)
    end
  end)

  it("allows the others", function()
    local doc, problems = response([[<Say>x</Say><Play>/a.wav</Play><Pause/>
      <Gather><Say>y</Say></Gather><Redirect>/x</Redirect><Hangup/>]], { screening = true })
    assert.same({}, problems)
    assert.equal(6, #doc.verbs)
  end)
end)

describe("Gather", function()
  it("13320: only sounds inside", function()
    local doc, problems = response "<Gather><Say>x</Say><Hangup/><Pause/></Gather>"
    assert.equal(13320, only(problems).code)
    assert.equal(2, #doc.verbs[1].children)
  end)
end)

describe("Say", function()
  it("keeps speech markup, escaped, and drops what it does not know", function()
    local doc, problems = response [[A<Say>a &amp; <break time="1s"/><audio src="/etc/passwd">
      b</audio> <say-as interpret-as="telephone">c</say-as></Say>]]
    assert.equal(2, #problems)
    local say = doc.verbs[1]
    assert.equal('a &amp; <break time="1s"></break> b <say-as interpret-as="telephone">c</say-as>',
      (say.markup:gsub("%s+", " ")))
    assert.equal("a & b c", (say.text:gsub("%s+", " ")))
  end)

  it("13520: nothing to say", function()
    assert.equal(13520, only(select(2, response "<Say> </Say>")).code)
  end)
end)

describe("V4: a user's verb", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(require("lfs").mkdir(folder))
  end)

  after_each(function()
    for name in require("lfs").dir(folder) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)

  local function write(name, text)
    local file <close> = io.open(folder .. "/" .. name, "w")
    file:write(text)
  end

  it("is one file, with attributes like our own", function()
    write("survey.lua", [[return {
      attrs = {
        max = { "integer", default = 5, min = 1, max = 9 }, play = { "url", required = true },
      },
      run = function() return "ran" end,
    }]])
    local finder = elements.new { folder }
    local doc, problems = response('<Survey play="/a.wav" max="3"/>', { elements = finder })
    assert.same({}, problems)
    assert.equal(3, doc.verbs[1].attrs.max)
    assert.equal("ran", doc.verbs[1].verb.run())
    doc, problems = response('<Survey play="/a.wav" max="10"/>', { elements = finder })
    assert.equal(12200, only(problems).code)
    assert.equal(5, doc.verbs[1].attrs.max)
    doc, problems = response('<Survey/>', { elements = finder })
    assert.same({}, doc.verbs)
    assert.truthy(only(problems).message:find("play", 1, true))
    assert.equal("Survey", only(select(2, response("<Survay/>", { elements = finder }))).suggestion)
  end)

  it("wins over ours of the same name", function()
    write("hangup.lua", "return { attrs = { kindly = { 'boolean' } }, run = function() end }")
    local finder = elements.new { folder }
    local doc, problems = response('<Hangup kindly="true"/>', { elements = finder })
    assert.same({}, problems)
    assert.is_true(doc.verbs[1].attrs.kindly)
  end)

  it("may be a noun, or make sound for a Gather", function()
    write("pager.lua", "return { text = true, target = function() end }")
    write("ring.lua", "return { run = function() end, source = function() end }")
    local finder = elements.new { folder }
    local _, problems = response("<Dial><Pager>7</Pager></Dial><Gather><Ring/></Gather>",
      { elements = finder })
    assert.same({}, problems)
    _, problems = response("<Pager/>", { elements = finder })
    assert.truthy(only(problems).message:find("<Dial>", 1, true))
  end)

  it("that is broken raises with file and line", function()
    write("broken.lua", "return {\n  run = = 3 }")
    write("empty.lua", "return 5")
    local finder = elements.new { folder }
    assert.has_error(function() finder:load() end)
    local _, message = pcall(finder.verb, elements.new { folder }, "Broken")
    assert.truthy(message:find("broken.lua:2:", 1, true))
    _, message = pcall(finder.verb, elements.new { folder }, "Empty")
    assert.truthy(message:find("empty.lua", 1, true))
  end)
end)

describe("V4: verbs", function()
  it("all have declared types that exist, and work without a session", function()
    local finder = elements.new()
    local types = require("moonline.twiml.types")
    for _, kind in ipairs { "verb", "noun" } do
      for _, name in ipairs(finder:names(kind)) do
        local element = finder[kind](finder, name)
        assert.equal(name, element.name)
        for attr, spec in pairs(element.attrs or {}) do
          assert.is_function(types[spec[1]], name .. "/" .. attr)
        end
      end
    end
    assert.same({ "Dial", "Gather", "Hangup", "Pause", "Play", "Redirect", "Reject", "Say" },
      finder:names("verb"))
    assert.same({ "Sip" }, finder:names("noun"))
  end)
end)

-- S19 S20: for each group of the SDK's samples, the builder makes a document equal to the printed one.
local builder = require "moonline.twiml.builder"
local document = require "moonline.twiml.document"
local elements = require "moonline.elements"
local place = require "moonline.twiml.place"
local rows = require "support.rows"
local suggest = require "moonline.twiml.suggest"
local vocabulary = require "moonline.twiml.vocabulary"
local xml = require "moonline.core.xml"

-- An element as a plain table: name, attributes, and children with white space around text gone.
local function plain(tree)
  local result = { name = tree.name }
  for _, item in ipairs(tree.attributes) do result["@" .. item.name] = item.value end
  for _, child in ipairs(tree.children) do
    local text = not child.name and child.text:match("^%s*(.-)%s*$")
    if text ~= "" then result[#result + 1] = text or plain(child) end
  end
  return result
end

local SAMPLES = {
  {
    "the noun", [[<Response>
<Dial>
    <Sip>
        sip:jack@example.com
    </Sip>
</Dial>
</Response>]],
    function(r) r:dial():sip "sip:jack@example.com" end,
  },
  {
    "a region", [[<Response>
    <Dial>
        <Sip>sip:alice@example.com;region=ie1</Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "sip:alice@example.com;region=ie1" end,
  },
  {
    "authentication", [[<Response>
<Dial>
    <Sip username="admin" password="1234">sip:kate@example.com</Sip>
</Dial>
</Response>]],
    function(r) r:dial():sip({ username = "admin", password = "1234" }, "sip:kate@example.com") end,
  },
  {
    "headers", [[<Response>
    <Dial>
        <Sip>
            sip:jack@example.com?mycustomheader=foo&amp;myotherheader=bar
        </Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "sip:jack@example.com?mycustomheader=foo&myotherheader=bar" end,
  },
  {
    "tcp", [[<Response>
    <Dial>
        <Sip>
            sip:jack@example.com;transport=tcp
        </Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "sip:jack@example.com;transport=tcp" end,
  },
  {
    "tls", [[<Response>
    <Dial>
        <Sip>
            sip:jack@example.com;transport=tls
        </Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "sip:jack@example.com;transport=tls" end,
  },
  {
    "example 1", [[<Response>
    <Dial>
        <Sip>kate@example.com</Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "kate@example.com" end,
  },
  {
    "example 2", [[<Response>
    <Dial>
        <Sip username="admin" password="1234">kate@example.com</Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip("kate@example.com", { username = "admin", password = "1234" }) end,
  },
  {
    "example 3", [[<Response>
    <Dial>
        <Sip>sip:kate@example.com?mycustomheader=foo&amp;myotherheader=bar</Sip>
    </Dial>
</Response>]],
    function(r) r:dial():sip "sip:kate@example.com?mycustomheader=foo&myotherheader=bar" end,
  },
  {
    "example 4", [[<Response>
    <Dial
     record="record-from-answer"
     timeout="10"
     hangupOnStar="true"
     callerId="bob"
     method="POST"
     action="/handle_post_dial">

        <Sip
         method="POST"
         url="/handle_screening_on_answer">
            sip:kate@example.com?customheader=foo
        </Sip>
    </Dial>
</Response>]],
    function(r)
      local dial = r:dial {
        record = "record-from-answer", timeout = 10, hangupOnStar = true, callerId = "bob",
        method = "POST", action = "/handle_post_dial",
      }
      dial:sip("sip:kate@example.com?customheader=foo",
        { method = "POST", url = "/handle_screening_on_answer" })
    end,
  },
  {
    "example 5", [[<Response>
    <Dial>
        <Sip
         statusCallbackEvent='initiated ringing answered completed'
         statusCallback='https://myapp.com/calls/events'
         statusCallbackMethod='POST'>
            sip:kate@example.com
        </Sip>
    </Dial>
</Response>]],
    function(r)
      r:dial():sip("sip:kate@example.com", {
        statusCallbackEvent = { "initiated", "ringing", "answered", "completed" },
        statusCallback = "https://myapp.com/calls/events", statusCallbackMethod = "POST",
      })
    end,
  },
}

describe("S19 S20 the samples of the SDKs", function()
  for _, sample in ipairs(SAMPLES) do
    local name, printed, build = table.unpack(sample)
    it("have their counterpart in the builder: " .. name, function()
      local response = builder.response()
      build(response)
      assert.same(plain(assert(xml.parse(printed))), plain(assert(xml.parse(tostring(response)))))
      local doc, problems = document.parse(tostring(response), { mode = "strict" })
      assert.same({}, problems)
      assert.is_nil(doc.verbs[1].fault)
    end)
  end
end)

-- A right value of an attribute's type; nil for what is not written.
local function sample(spec)
  local by_type = {
    text = "x", url = "/x", method = "GET", boolean = true, digits = "1", key = "#",
    caller_id = "bob", language = "en-US", duration = "500ms",
  }
  if spec.unsupported == true then return nil end
  if spec.values then return spec.default or spec.values[1] end
  return by_type[spec[1]] or spec.default or spec.min or spec.max
end

describe("S20 the builder", function()
  local finder = elements.new()

  -- Something that the element may stand in, of what we have.
  local function holder(response, name)
    for _, parent in ipairs(vocabulary.elements[name].parents) do
      if parent == "Response" then return response end
      local element = rows.element(finder, parent)
      if element and place.lookup(finder, element, name) then
        local outer = holder(response, parent)
        return outer[parent:lower()](outer, element.text and "sip:x@example.com" or nil)
      end
    end
  end

  -- Adds an element there, with all of its attributes.
  local function write(response, name, element)
    local given, outer = {}, holder(response, name)
    for attribute, spec in pairs(element.attrs or {}) do given[attribute] = sample(spec) end
    return outer[name:lower()](outer, element.text and "sip:x@example.com" or nil, given)
  end

  for _, kind in ipairs { "verb", "noun" } do
    for _, name in ipairs(finder:names(kind)) do
      it(("writes every attribute of the %s %s as it should be"):format(kind, name), function()
        local response, element = builder.response(), finder[kind](finder, name)
        write(response, name, element)
        local _, problems = document.parse(tostring(response), { mode = "strict" })
        for _, problem in ipairs(problems) do
          assert.is_false(problem.code == 12200 or problem.code == 12100, problem.message)
        end
        assert.truthy(tostring(response):find("<" .. name .. "[ />]"))
      end)
    end
  end

  it("writes all speech markup", function()
    local say = builder.response():say()
    for _, name in ipairs(suggest.keys(vocabulary.speech)) do
      local given = {}
      for attribute, spec in pairs(vocabulary.speech[name]) do given[attribute] = sample(spec) end
      local method = name:gsub("-", "_"):gsub("^break$", "break_")
      say[method](say, "word", given)
      assert.truthy(tostring(say):find("<" .. name, 1, true))
    end
  end)
end)

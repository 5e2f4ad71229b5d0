-- V1: what TwiML has and this program has not is told by number, and the document goes on.
local document = require "moonline.twiml.document"
local rows = require "support.rows"
local suggest = require "moonline.twiml.suggest"

local UNSUPPORTED = 13750

-- The document of a row and whether it was told; a Hangup stands at its end.
local function told(row, attributes)
  local tag = ("<%s%s>text</%s>"):format(row.element, attributes, row.element)
  local text = rows.inside(row.element, tag, row.parent)
  local doc, problems = document.parse(("<Response>%s<Hangup/></Response>"):format(text))
  local subject = row.attribute or ("<%s>"):format(row.element)
  local count = 0
  for _, problem in ipairs(problems) do
    local about_it = problem.message:sub(1, #subject) == subject
    if problem.code == UNSUPPORTED and (about_it or not row.attribute) then count = count + 1 end
  end
  return count, doc
end

describe("V1", function()
  for _, row in ipairs(rows.all()) do
    if row.state == "refused" then
      it(("<%s> is left out, says so, and the document goes on"):format(row.claim), function()
        local count, doc = told(row, "")
        assert.equal(1, count)
        assert.equal("Hangup", doc.verbs[#doc.verbs].name)
      end)
    elseif row.state == "warned" then
      it(("<%s> has no effect and says so"):format(row.claim), function()
        local count, doc = told(row, (' %s="any"'):format(row.attribute))
        assert.equal(1, count)
        assert.is_nil(doc.verbs[1].attrs[row.attribute])
      end)
    end
    for _, value in ipairs(row.values or {}) do
      it(("%s=%s has no effect and says so"):format(row.claim, value), function()
        assert.equal(1, told(row, (' %s="%s"'):format(row.attribute, value)))
      end)
    end
  end

  it("knows everything by a name of its own", function()
    local claims = {}
    for _, row in ipairs(rows.all()) do claims[row.claim] = true end
    assert.equal(#rows.all(), #suggest.keys(claims))
  end)
end)

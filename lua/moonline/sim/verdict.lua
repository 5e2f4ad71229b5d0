-- How played scenarios are told of: dots and failures in full, names, one JSON document, JUnit.

local json = require "dkjson"
local markup = require "moonline.twiml.markup"

---What came of one scenario.
---@class moonline.Verdict
---@field name string
---@field file string
---@field line integer
---@field seed integer
---@field seconds number of virtual time
---@field failure moonline.SimFailure?
---@field ladder string? of a failed one

local verdict = {}

local function place_of(failure, one)
  return ("%s:%d"):format(failure.file or one.file, failure.line or one.line)
end

local function indented(text, by)
  return (text:gsub("[^\n]+", by .. "%0"))
end

---A failed scenario in full.
---@param one moonline.Verdict
---@return string
function verdict.failure(one)
  local lines = {
    ("FAILED %s (%s:%d, seed %d)"):format(one.name, one.file, one.line, one.seed),
    ("  %s: %s"):format(place_of(one.failure, one), indented(tostring(one.failure), "    "):sub(5)),
  }
  if one.ladder then lines[#lines + 1] = "\n" .. indented(one.ladder, "  ") end
  return table.concat(lines, "\n")
end

local function counted(list)
  local failed = 0
  for _, one in ipairs(list) do failed = failed + (one.failure and 1 or 0) end
  return #list - failed, failed
end

---The last line.
---@param list moonline.Verdict[]
---@return string
function verdict.total(list)
  local passed, failed = counted(list)
  return ("%d passed, %d failed"):format(passed, failed)
end

---@param list moonline.Verdict[]
---@return string
function verdict.json(list)
  local passed, failed = counted(list)
  local all = {}
  for i, one in ipairs(list) do
    local why = one.failure
    all[i] = {
      name = one.name, file = one.file, line = one.line, seed = one.seed, seconds = one.seconds,
      passed = not why, ladder = one.ladder,
      failure = why and { message = why.message, expected = why.expected, actual = why.actual,
        file = why.file, line = why.line },
    }
  end
  return json.encode({ passed = passed, failed = failed,
    scenarios = setmetatable(all, { __jsontype = "array" }) }, { indent = true, keyorder = {
    "passed", "failed", "scenarios", "name", "file", "line", "seed", "seconds", "failure",
    "message", "expected", "actual", "ladder",
  } })
end

local function case(one)
  local head = ('    <testcase classname="%s" name="%s" time="%.3f"'):format(
    markup.escape(one.file), markup.escape(one.name), one.seconds)
  if not one.failure then return head .. "/>" end
  return ('%s>\n      <failure message="%s">%s</failure>\n    </testcase>'):format(head,
    markup.escape(one.failure.message), markup.escape(verdict.failure(one)))
end

---A JUnit document: one suite for all.
---@param list moonline.Verdict[]
---@return string
function verdict.junit(list)
  local _, failed = counted(list)
  local lines = {
    '<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>",
    ('  <testsuite name="moonline" tests="%d" failures="%d">'):format(#list, failed),
  }
  for _, one in ipairs(list) do lines[#lines + 1] = case(one) end
  lines[#lines + 1] = "  </testsuite>\n</testsuites>\n"
  return table.concat(lines, "\n")
end

return verdict

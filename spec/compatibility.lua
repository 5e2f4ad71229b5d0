-- build/moonline spec/compatibility.lua LOG-FOLDER [--write]: docs/compatibility.md, from the lines
-- "proved ..." that passed specs left in the folder. Fails when a row has no test, or when the committed
-- table says something else; --write writes it.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s;%s/?.lua"):format(package.path, here)

local codes = require "moonline.twiml.codes"
local lfs = require "lfs"
local rows = require "support.rows"
local suggest = require "moonline.twiml.suggest"

local TABLE = here .. "/../docs/compatibility.md"

local HEAD = [[
# What moonline does of TwiML Voice

Every element and attribute, and the test that proves what is said of it. The table is made from the
tests that passed, and `spec/run` fails where one is missing; nothing here is written by hand.

- **executed**: does what TwiML says.
- **warned**: has no effect, and a warning 13750 says so; its element does its work without it.
- **refused**: is left out with a warning 13750, and the document goes on with what follows.

Whatever the official Node SDK can write is one of these: `spec/lua/twiml/sdk_spec.lua` walks it.
]]

-- claim -> where it was proved, of several the first by name.
local function proofs(folder)
  local found = {}
  for entry in lfs.dir(folder) do
    if entry == "." or entry == ".." then goto continue end
    local path = folder .. "/" .. entry
    if lfs.attributes(path, "mode") == "directory" then
      for claim, proof in pairs(proofs(path)) do
        if not found[claim] or proof < found[claim] then found[claim] = proof end
      end
    else
      for line in io.lines(path) do
        local claim, file, name = line:match("^proved ([^\t]+)\t([^\t]+)\t(.*)$")
        local proof = claim and ("%s: %s"):format(file:match("^spec/(.*)_spec%.lua$"), name)
        if claim and (not found[claim] or proof < found[claim]) then found[claim] = proof end
      end
    end
    ::continue::
  end
  return found
end

-- An element is proved by a test of its own, else by one of an attribute.
local function proof_of(found, row, all)
  if found[row.claim] or row.attribute or row.state ~= "executed" then return found[row.claim] end
  for _, other in ipairs(all) do
    local own = other.element == row.element and other.state == "executed"
    if own and found[other.claim] then return found[other.claim] end
  end
end

local function cells(row, proof)
  local state = row.state
  if row.values then state = ("%s; warned: %s"):format(state, table.concat(row.values, ", ")) end
  local name = row.parent and ("`<%s>` in `<%s>`"):format(row.element, row.parent)
    or row.attribute and "" or ("`<%s>`"):format(row.element)
  local attribute = row.attribute and "`" .. row.attribute .. "`" or ""
  return ("| %s | %s | %s | `%s` |"):format(name, attribute, state,
    (proof or "NO TEST"):gsub("|", "/"))
end

local function numbers()
  local list = { "", "## Numbers", "",
    "What is wrong with a document or a call has the number that TwiML gives it.", "",
    "| | | |", "|---|---|---|" }
  local sorted = {}
  for code in pairs(codes) do
    if math.type(code) == "integer" then sorted[#sorted + 1] = code end
  end
  table.sort(sorted)
  for _, code in ipairs(sorted) do
    list[#list + 1] = ("| %d | %s | %s |"):format(code, codes.level(code), codes.text(code))
  end
  return table.concat(list, "\n")
end

local function compose(found)
  local lines, missing = { HEAD, "| element | attribute | | proved by |", "|---|---|---|---|" }, {}
  local all = rows.all()
  for _, row in ipairs(all) do
    local proof = proof_of(found, row, all)
    if not proof then missing[#missing + 1] = row.claim end
    lines[#lines + 1] = cells(row, proof)
  end
  local known = {}
  for _, row in ipairs(all) do known[row.claim] = true end
  local strange = {}
  for claim in pairs(found) do strange[claim] = not known[claim] or nil end
  return table.concat(lines, "\n") .. "\n" .. numbers() .. "\n", missing, suggest.keys(strange)
end

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a") or ""
end

local text, missing, strange = compose(proofs(assert(arg[1], "a folder of logs expected")))
for _, claim in ipairs(missing) do print("no test: <" .. claim .. ">") end
for _, claim in ipairs(strange) do print("a test claims <" .. claim .. ">, which is no row") end
local same = read(TABLE) == text
if arg[2] == "--write" then
  local file <close> = assert(io.open(TABLE, "wb"))
  file:write(text)
elseif not same then
  print("docs/compatibility.md says something else than the tests: build/moonline "
    .. "spec/compatibility.lua " .. arg[1] .. " --write")
end
os.exit(#missing == 0 and #strange == 0 and (same or arg[2] == "--write"))

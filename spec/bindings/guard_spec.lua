-- The libraries of states with limits give what Lua's own give.
local guard = require "moonline.core.guard"

local own = guard.libraries()

local PIECES = { "a", "b", ".", "%a", "%d", "%s", "%w", "[ab]", "[^a]", "[a-c]", "[%w_]", "[]]",
  "[^]]",
  "[a-]", "(", ")", "()", "*", "+", "-", "?", "^", "$", "%b()", "%f[%w]", "%1", "%2", "%", "[",
    "1", " ",
  "\0", "%S", "%z", "(a*)", "(.)", "[%]]", "[%a-z]" }
local LETTERS = { "a", "b", "1", " ", "(", ")", "]", "-", "_", "\0", "ab", "aaa", "\200" }
local REPLACEMENTS = { "x", "%0%0", "%1", "<%1-%2>", "%%", "%", "%9", "", function(a, b) return b
  or a end,
  function() end, function() return false end, { a = "Z" }, function() return {} end, 5 }

local function pick(list) return list[math.random(#list)] end

local function text(list, most)
  local parts = {}
  for i = 1, math.random(0, most) do parts[i] = pick(list) end
  return table.concat(parts)
end

-- What a call gives, or its error without the name of the function.
local function outcome(fn, ...)
  local results = table.pack(pcall(fn, ...))
  for i = 1, results.n do results[i] = tostring(results[i]):gsub(" to '[^']*'", "") end
  return table.concat(results, "|", 1, results.n)
end

local function all(gmatch)
  return function(...)
    local found = {}
    for a, b, c in gmatch(...) do
      found[#found + 1] = ("%s,%s,%s"):format(tostring(a), tostring(b), tostring(c))
    end
    return table.concat(found, ";")
  end
end

local function same(name, library, ...)
  local theirs, ours = _G[library][name], own[library][name]
  if name == "gmatch" then theirs, ours = all(theirs), all(ours) end
  assert.equal(outcome(theirs, ...), outcome(ours, ...))
end

-- What a function of tables does to one: the results, and the table after.
local function on_table(fn, list, ...)
  local copy = table.pack(table.unpack(list))
  copy.n = nil
  local result = outcome(function(...)
    local value = fn(copy, ...)
    return value ~= copy and value or "itself"
  end, ...)
  local after = {}
  for i = -3, 20 do after[#after + 1] = tostring(copy[i]) end
  return result:gsub("#%d", "#") .. " -> " .. table.concat(after, ",")
end

describe("libraries under a budget", function()
  it("L3 match, find, replace and repeat as Lua does", function()
    math.randomseed(7)
    for _ = 1, 4000 do
      local subject, pattern = text(LETTERS, 12), text(PIECES, 6)
      local from = math.random() < 0.3 and math.random(-14, 14) or nil
      same("find", "string", subject, pattern, from, math.random() < 0.1)
      same("match", "string", subject, pattern, from)
      same("gmatch", "string", subject, pattern, from)
      same("gsub", "string", subject, pattern, pick(REPLACEMENTS), math.random() < 0.2 and 2 or nil)
      same("rep", "string", subject, math.random(-1, 5), math.random() < 0.5 and "," or nil)
    end
  end)

  it("L3 insert, remove, move, join and sort as Lua does", function()
    math.randomseed(7)
    for _ = 1, 2000 do
      local list = {}
      for i = 1, math.random(0, 6) do list[i] = math.random(9) end
      local a, b, c = math.random(-2, 8), math.random(-2, 8), math.random(-2, 8)
      for name, arguments in pairs {
        insert = { a, 5 }, remove = { a }, move = { a, b, c }, concat = { ",", a, b }, sort = {},
      } do
        assert.equal(on_table(table[name], list, table.unpack(arguments)),
          on_table(own.table[name], list, table.unpack(arguments)))
      end
    end
  end)

  it("L3 say what they were given wrongly", function()
    for _, case in ipairs { { "insert", 7 }, { "concat", 7 }, { "move", {}, 1 }, { "remove" } } do
      assert.matches("^false|.*bad argument", (outcome(own.table[case[1]], table.unpack(case, 2))))
    end
    assert.matches("string/function/table expected", outcome(own.string.gsub, "a", "a", true))
    assert.matches("too large", outcome(own.string.rep, "ab", math.maxinteger))
    assert.matches("pattern too complex", outcome(own.string.find, ("a"):rep(300), ("a?"):rep(300)))
  end)
end)

-- No script can hurt the switch: what takes too long or too much is stopped wherever it hides, its own
-- call ends by its fallback, and a call beside it does not notice.
local moonline = require "moonline"
local party = require "support.party"
local scripted = require "support.scripted"

local notes = scripted.notes

-- The attack is the body of what happens with a caller called "bad"; everybody else talks to kate.
local ATTACK = [[
moonline.on("call", function(call)
  call:answer()
  if not call.from:find "sip:bad@" then
    local kate <close> = call:dial(KATE)
    return call:bridge(kate)
  end
  local function forever() while true do end end
  %s
  note "survived"
end)
]]

local function talks(call)
  party.answer(call)
  call.core:play { tone = "440", ms = 0 }
  party.stay(call)
end

local function attack(body, options)
  return scripted.open(ATTACK:gsub("%%s", function() return body end), talks, nil, options)
end

-- The same attack again: the script is hurt by the second as by the first.
local function strike(s)
  local before = os.clock()
  local bad = assert(s:call { from = "bad" })
  party.ended(bad, 30)
  return os.clock() - before
end

local TIME = {
  ["a loop"] = "while true do end",
  ["a for loop"] = "for _ = 1, math.maxinteger do end",
  ["a goto"] = "::again:: goto again",
  ["recursion by tail calls"] = "local function f() return f() end f()",
  ["a loop in a coroutine"] = "coroutine.resume(coroutine.create(forever))",
  ["a loop in a wrapped coroutine"] = "coroutine.wrap(forever)()",
  ["a loop in a coroutine of a coroutine"] = [[
    coroutine.wrap(function() pcall(coroutine.wrap(function() pcall(forever) end)) end)()]],
  ["coroutines without end"] = "while true do coroutine.wrap(function() end)() end",
  ["coroutines that yield for ever"] = [[
    local co = coroutine.wrap(function() while true do coroutine.yield() end end)
    while true do co() end]],
  ["a loop in pcall"] = "pcall(forever)",
  ["a loop of pcall"] = "while true do pcall(error) end",
  ["a loop of pcall of a loop"] = "while true do pcall(forever) end",
  ["a loop in xpcall and its handler"] = "xpcall(forever, forever)",
  ["a handler that loops"] = "while true do xpcall(error, forever) end",
  ["a loop in __close"] = "do local _ <close> = setmetatable({}, { __close = forever }) end",
  ["__close that loops while it is stopped"] = [[
    for _ = 1, 100 do
      pcall(function()
        local a <close> = setmetatable({}, { __close = forever })
        local b <close> = setmetatable({}, { __close = forever })
        local c <close> = setmetatable({}, { __close = function() error "hidden" end })
        forever()
      end)
    end]],
  ["__close of a closed coroutine"] = [[
    local co = coroutine.create(function()
      local _ <close> = setmetatable({}, { __close = forever })
      coroutine.yield()
    end)
    coroutine.resume(co)
    coroutine.close(co)]],
  ["an error of __close in the place of the breach"] = [[
    pcall(function()
      local _ <close> = setmetatable({}, { __close = function() error "hidden" end })
      forever()
    end)]],
  ["a callback of gsub"] = "string.gsub('abc', '.', forever)",
  ["gsub in a callback of gsub"] = [[
    local function inner() return "b" end
    while true do string.gsub("abc", ".", function() return (("a"):rep(9):gsub(".",
      inner)) end) end]],
  ["a comparator"] = "table.sort({ 3, 1, 2 }, forever)",
  ["sorting again and again"] = [[
    local t = {} for i = 1, 3e5 do t[i] = (i * 7919) % 300007 end table.sort(t) forever()]],
  ["__index"] = "local t = setmetatable({}, { __index = forever }) local _ = t.x",
  ["__index of C functions"] = [[
    table.concat(setmetatable({}, { __index = table.concat }), "", 1, math.maxinteger)]],
  ["__eq, __lt, __concat, __len"] = [[
    local mt = { __eq = forever, __lt = forever, __concat = forever, __len = forever }
    local a, b = setmetatable({}, mt), setmetatable({}, mt)
    pcall(function() return a == b end) pcall(function() return a < b end)
    pcall(function() return a .. b end) pcall(function() return #a end)]],
  ["__tostring of an error"] = "error(setmetatable({}, { __tostring = forever }))",
  ["__pairs"] = "for _ in pairs(setmetatable({}, { __pairs = forever })) do end",
  ["a reader of load"] = "load(function() while true do end end)",
  ["load of a big text"] = "while true do load(('x=1 '):rep(2e5)) end",
  ["a pattern that backtracks"] = [[
    ("a"):rep(1e5):find((".-"):rep(20) .. "b")]],
  ["a pattern of many choices"] = [[ ("a"):rep(30):find(("a?"):rep(30) .. ("a"):rep(30) .. "b")]],
  ["a pattern in match"] = [[ ("a"):rep(1e4):match("(a*)(a*)(a*)(a*)b") ]],
  ["a pattern in gmatch"] = [[ for _ in ("a"):rep(1e4):gmatch ".-.-.-.-b" do end ]],
  ["a pattern in gsub"] = [[ ("a"):rep(1e4):gsub(".*.*.*.*b", "") ]],
  ["patterns in pcall"] = [[ while true do pcall(string.find, ("a"):rep(1e4), ".-.-.-.-b") end ]],
  ["repeating nothing"] = "for _ = 1, math.maxinteger do (''):rep(math.maxinteger) end",
  ["table.move of a huge range"] = "table.move({}, 1, math.maxinteger - 1, 2)",
  ["table.insert with a huge length"] = [[
    table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)]],
  ["table.remove with a huge length"] = [[
    table.remove(setmetatable({}, { __len = function() return 1 << 60 end }), 1)]],
  ["table.unpack again and again"] = "while true do pcall(table.unpack, {}, 1, 1e6) end",
  ["format again and again"] = "while true do string.format('%99.99f', 1e308) end",
  ["utf8"] = "while true do for _ in utf8.codes(('\u{20ac}'):rep(1000)) do end end",
  ["string.packsize"] = "local p = ('i16'):rep(90) while true do pcall(string.packsize, p) end",
  ["a task of a group"] = "local g <close> = moonline.group() g:spawn(forever) g:wait()",
}

local MEMORY = {
  ["a table that grows"] = "local t = {} while true do t[#t + 1] = {} end",
  ["a table of numbers"] = "local t = {} for i = 1, 1e9 do t[i] = i end",
  ["a text that doubles"] = "local s = 'x' while true do s = s .. s end",
  ["a text repeated"] = "local s = ('x'):rep(1e9)",
  ["a text repeated in pcall"] = "while true do pcall(string.rep, 'x', 1e9) end",
  ["closures"] = "local t = {} for i = 1, 1e8 do t[i] = function() return i end end",
  ["coroutines"] = "local t = {} for i = 1, 1e8 do t[i] = coroutine.create(print) end",
  ["recursion"] = "local function f() return 1 + f() end f()",
  ["recursion in pcall"] = "local function f() pcall(f) return 1 + f() end f()",
  ["concat"] = [[
    local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1e4) end
    while true do t[#t + 1] = table.concat(t) end]],
  ["gsub"] = [[ local s = ("x"):rep(1e4) while true do s = s:gsub(".", "%0%0") end ]],
  ["memory in pcall"] = [[
    local t = {}
    while true do pcall(function() for i = 1, 1e7 do t[#t + 1] = { i } end end) end]],
  ["memory in a coroutine"] = [[
    local t = {}
    coroutine.wrap(function() for i = 1, 1e9 do t[i] = ("%d"):format(i) end end)()]],
  ["memory while it is stopped"] = [[
    local t = {}
    local _ <close> = setmetatable({}, { __close = function()
      for i = 1, 1e9 do t[i] = { i } end
    end })
    for i = 1, 1e9 do t[i] = { i } end]],
  ["one error after another"] = [[
    local e = {} while true do local _, x = pcall(error, { e }) e = x end]],
}

describe("a script that takes too much", function()
  local function story(name, body, pattern)
    it("L3 is stopped: " .. name, function()
      local s <close> = attack(body)
      local good = assert(s:call { from = "good" })
      moonline.sleep(1)
      local took = strike(s)
      assert.is_true(took < 2, ("took %.2f s of CPU"):format(took))
      local told = s:warned(12400)
      assert.matches(pattern, told)
      assert.matches("line%.lua:%d+: ", told)
      assert.is_true(party.audio(good, 1) > 45)
      strike(s)
      assert.is_true(party.audio(good, 1) > 45)
      assert.is_nil((good.box:wait({ "ended" }, 0)))
      good:hangup()
      s:quiet()
      assert.equal("", notes(s, 0))
      assert.equal(0, s.server.generation:tasks())
    end)
  end

  it("L3 shares its time with all that it spawned", function()
    local s <close> = attack "for _ = 1, 200 do moonline.spawn(forever) end"
    local good = assert(s:call { from = "good" })
    strike(s)
    local before = os.clock()
    assert.is_true(party.audio(good, 5) > 240)
    local took = os.clock() - before
    assert.is_true(took < 3, ("took %.2f s of CPU in 5 s"):format(took))
    good:hangup()
  end)

  for name, body in pairs(TIME) do story(name, body, "stopped") end
  for name, body in pairs(MEMORY) do story(name, body, "stopped") end
end)

-- Hostile scripts made by a seed: an evil deed, wrapped into places where a deed can hide.
local hostile = {}

-- What takes time, memory or other people's things. $ is replaced by a number.
local DEEDS = {
  "while true do end", "for _ = 1, 1 << 60 do end", "::a:: goto a", "local function f() return f() end f()",
  "local t = {} while true do t[#t + 1] = {} end", "local t = {} for i = 1, 1e9 do t[i] = i end",
  "local s = 'x' while true do s = s .. s end", "local _ = ('x'):rep(1 << $)",
  "local t = {} for i = 1, 1e8 do t[i] = coroutine.create(print) end",
  "local function f() return 1 + f() end f()", "local function f() pcall(f) f() end f()",
  "local _ = ('a'):rep(1e$):find(('.-'):rep(20) .. 'b')", "local _ = ('a'):rep(2000):match('(a*)(a*)(a*)(a*)(a*)b')",
  "local _ = ('a'):rep(40):gsub(('a?'):rep(40) .. ('a'):rep(40) .. 'b', '')",
  "for _ in ('ab'):rep(5000):gmatch '.-.-.-.-c' do end", "local _ = ('('):rep(1e$):find '%b()%b()(.-)%1(.-)%2x'",
  "local _ = ('x'):find(('('):rep(300))", "local _ = ('x'):find '[%'", "local _ = ('x'):gsub('.', '%9')",
  "table.move({}, 1, 1 << 60, 2)", "table.insert(setmetatable({}, { __len = function() return 1 << 61 end }), 1, 1)",
  "table.concat(setmetatable({}, { __index = table.concat }), '', 1, 1 << 62)", "table.concat({}, 'x', 1, 1 << 60)",
  "table.unpack({}, 1, 1e$)", "table.sort({ 3, 1, 2, 5, 4, 7, 6 }, function() return true end)",
  "local _ = ('%99.99f'):rep(90):format(1, 2)", "utf8.char(table.unpack({}, 1, 1e5))", "local _ = ('i16'):rep(1e$):len()",
  "error(setmetatable({}, { __tostring = function() while true do end end }))", "error(nil)", "error({})", "error(call)",
  "local e = {} while true do local _, x = pcall(error, { e }) e = x end", "string.rep = nil table.concat = nil pcall = nil",
  "setmetatable(_G, { __index = function() while true do end end }) local _ = nothing.there",
  "setmetatable(string, { __index = error })  local _ = ('x').nothing()", "load('while true do end')()", "load(('x=1 '):rep(1e$))",
  "load(function() return 'x = ' end)", "load('\\27Lua' .. ('x'):rep(99), 'b', 'b')", "require 'moonline.core.sys'.exit(3)",
  "os.exit(1)", "debug.sethook()", "io.popen('kill -9 $')", "setmetatable({}, { __gc = function() while true do end end })",
  "coroutine.close(coroutine.running())", "coroutine.wrap(coroutine.running)()", "coroutine.yield(1)", "collectgarbage('stop') collectgarbage()",
  "local co co = coroutine.wrap(function() co() end) co()", "rawset(call, 'core', nil) call:play 'x'", "call.core:close() call:say 'x'",
  "call.box = nil call:wait({}, 1)", "call.env.agent:hangup()", "call.env.agent:close()", "call.env.media:close()", "call.env.client:close()",
  "call.env.calls:close()", "call.env.agent:admit(503)", "call.env = nil", "call:play(setmetatable({}, { __index = function() return {} end }))",
  "call:gather(setmetatable({}, { __pairs = error }))", "call:dial(setmetatable({}, { __len = function() return 1 << 60 end }))",
  "call:record { max = 0 / 0 }", "call:wait(setmetatable({}, { __index = error }), 1e300)", "call:bridge(call)", "call:on('dtmf', 7)",
  "call:hangup() while true do call:answer() end", "call:run(('<Response>'):rep(1e$))", "call:run '<Response><Redirect>x</Redirect></Response>'",
  "moonline.http.get(('http://'):rep(1e$))", "moonline.http.serve({ port = -1 }, 7)", "moonline.spawn(function() while true do end end)",
  "for _ = 1, 1e3 do moonline.spawn(function() moonline.sleep(1) end) end", "moonline.timer(0, function() while true do end end)",
  "moonline.mailbox():post(setmetatable({ kind = 'x' }, { __index = error, __newindex = error }))", "moonline.sleep(0 / 0)", "moonline.sleep(-1)",
  "local box = moonline.mailbox() local e = { kind = 'x' } box:post(e) e.kind = nil setmetatable(e, { __index = error }) box:post { kind = 'y' } box:wait({ 'y' })",
  "local t = {} t.t = t moonline.json.encode(t)", "moonline.json.decode(('['):rep(1e$))", "moonline.xml.parse(('<a>'):rep(1e$))",
  "moonline.twiml.parse(('<Response><Say>x</Say>'):rep(1e$))", "call:warn(1, setmetatable({}, { __tostring = error }))", "call:warn({}, {})",
  "local a = {} for _ = 1, 30 do a = { a, a } end call:warn(1, a)", "moonline.hook('x', error) call.env.hooks:fire('x', call)",
  "moonline.configure {}", "moonline.on('call', error)", "moonline.group():next(0.1)", "moonline.agent { listen = 7 }", "moonline.media.tone('440', {})",
}

-- Where a deed hides. @ is replaced by it.
local PLACES = {
  "do @ end", "pcall(function() @ end)", "while true do pcall(function() @ end) end", "for _ = 1, 20 do pcall(function() @ end) end",
  "coroutine.wrap(function() @ end)()", "coroutine.resume(coroutine.create(function() @ end))",
  "local co = coroutine.create(function() coroutine.yield() @ end) coroutine.resume(co) coroutine.resume(co)",
  "local co = coroutine.create(function() local _ <close> = setmetatable({}, { __close = function() @ end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
  "while true do coroutine.wrap(function() @ end)() end", "xpcall(function() @ end, function() @ end)", "xpcall(error, function() @ end)",
  "do local _ <close> = setmetatable({}, { __close = function() @ end }) end", "do local _ <close> = setmetatable({}, { __close = function() @ end }) error 'x' end",
  "do local _ <close> = setmetatable({}, { __close = function() error 'y' end }) @ end",
  "pcall(function() local _ <close> = setmetatable({}, { __close = function() @ end }) @ end)",
  "string.gsub('abc', '.', function() @ end)", "table.sort({ 3, 1, 2 }, function() @ end)", "local _ = setmetatable({}, { __index = function() @ end }).x",
  "local m = { __eq = function() @ end } local _ = setmetatable({}, m) == setmetatable({}, m)", "setmetatable({}, { __newindex = function() @ end }).x = 1",
  "local _ = setmetatable({}, { __call = function() @ end })()", "local _ = #setmetatable({}, { __len = function() @ end })",
  "tostring(setmetatable({}, { __tostring = function() @ end }))", "load(function() @ end)", "for _ in function() @ end do end",
  "moonline.spawn(function() @ end) moonline.sleep(0.1)", "moonline.timer(0.01, function() @ end) moonline.sleep(0.1)",
  "do local g <close> = moonline.group() g:spawn(function() @ end) g:wait() end", "call:on('dtmf', function() @ end) call:fire 'dtmf'",
  "call:answer() @", "call:say 'x' @", "moonline.sleep(0.01) @", "repeat local ok = pcall(function() @ end) until ok", "local ok, e = pcall(function() @ end) error(e)",
  "call:dial('sip:127.0.0.1:1', { timeout = 1, screen = function() @ end }) @",
}

---The text of a script's function body, always the same for a seed.
---@param seed integer
---@return string
function hostile.body(seed)
  math.randomseed(seed)
  local function pick(list) return list[math.random(#list)] end
  local text = pick(DEEDS):gsub("%$", function() return tostring(math.random(2, 5)) end)
  for _ = 1, math.random(0, 4) do
    local inner = text
    text = pick(PLACES):gsub("@", function() return inner end)
  end
  return text
end

---A module of many: number -> function(call, moonline).
---@param first integer
---@param last integer
---@return string
function hostile.module(first, last)
  local parts = { "local bodies = {}" }
  for seed = first, last do
    parts[#parts + 1] = ("bodies[%d] = function(call, moonline)\n%s\nend"):format(seed, hostile.body(seed))
  end
  parts[#parts + 1] = "return bodies\n"
  return table.concat(parts, "\n")
end

return hostile

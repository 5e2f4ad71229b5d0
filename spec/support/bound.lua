-- Runs inside a generation that is trusted: calls the functions that C provides, and the methods of all
-- that they give back, with whatever comes to hand.
local NAMES = {
  "crypto", "generation", "guard", "house", "http", "log", "media", "sip", "sys", "task", "udp",
    "xml",
}
-- What ends the program, changes its limits, or its log and output, is meant to.
local LEFT_OUT = { ["sys.exit"] = true, ["guard.limit"] = true, ["log.setup"] = true,
  ["sys.print"] = true, ["log.capture"] = true }

local modules = {}
for _, name in ipairs(NAMES) do modules[name] = require("moonline.core." .. name) end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

-- All functions by their names, in an order that does not change.
local function functions()
  local list = {}
  for _, module in ipairs(NAMES) do
    for _, name in ipairs(sorted(modules[module])) do
      local fn = modules[module][name]
      if type(fn) == "function" and not LEFT_OUT[module .. "." .. name] then
        list[#list + 1] = { name = module .. "." .. name, fn = fn }
      end
    end
  end
  return list
end

local function methods(value)
  local meta = debug.getmetatable(value)
  local index = meta and rawget(meta, "__index")
  return type(index) == "table" and index or {}
end

local function closed(make, ...)
  local ok, value = pcall(make, ...)
  if ok and value and methods(value).close then pcall(value.close, value) end
  return value
end

-- Options as the functions know them, for calls that come further than the first check.
local function options(pick)
  local keys = { "address", "port", "listen", "media", "box", "uri", "url", "headers", "method",
    "body", "tone",
    "digits", "ms", "path", "left", "right", "cache", "codecs", "ports", "users", "tls", "entry",
      "env", "lua", "jar",
    "params", "file", "silence", "from_user", "resolve", "timeout", "input", "max", "keys",
      "loop", "text" }
  local result = {}
  for _ = 1, math.random(0, 6) do result[keys[math.random(#keys)]] = pick() end
  return result
end

---Calls `count` of them.
return function(call, moonline, seed, count)
  math.randomseed(seed)
  local all, tasks, made = functions(), {}, {}
  local evil = setmetatable({}, { __index = error, __len = function() return 1 << 40 end,
    __tostring = error,
    __name = 7, __close = error, __newindex = error })
  local nested = {}
  for _ = 1, 40 do nested = { nested, nested } end
  local pool = {
    false, true, 0, 1, -1, 2, 3.5, 0 / 0, 1 / 0, -1 / 0, 1 << 31, 1 << 53, math.mininteger,
      math.maxinteger, "", "a", "\0", "%s%n", "GET",
    ("x"):rep(5000), "127.0.0.1", "127.0.0.1:0", "udp:127.0.0.1:0", "sip:a@127.0.0.1:9",
      "http://127.0.0.1:1/", "440", "1w#", "a\r\nb: c",
    "<a b='c'>d</a>", {}, { {} }, { "a" }, { a = "b" }, { { "a", "b" } }, { kind = "x" },
      { kind = evil }, { kind = "played" }, evil, nested, print,
    error, function() end, coroutine.create(print), call.core, call, call.box, call.env.agent,
      call.env.media, call.env.client, call.env.calls,
    call.env.speech, modules.task.mailbox(), closed(modules.http.server,
      { address = "127.0.0.1" }), closed(modules.http.jar), closed(modules.house.calls),
    closed(modules.udp.open, "127.0.0.1", 0), closed(modules.task.timer, 1, modules.task.mailbox()),
    modules.task.spawn(print),
      (function() local b = moonline.mailbox() b:post { kind = "x" } return b end)(),
  }
  local function pick()
    if math.random() < 0.15 then return options(function() return pool[math.random(#pool)] end) end
    return pool[math.random(#pool)]
  end
  local function one(fn, ...)
    local results = table.pack(pcall(fn, ...))
    for i = 2, results.n do
      if type(results[i]) == "userdata" then
        made[#made + 1] = results[i]
        if #pool < 160 then pool[#pool + 1] = results[i] end
      end
    end
  end
  for _ = 1, count do
    local target = all[math.random(#all)]
    local fn, arguments = target.fn, {}
    for i = 1, math.random(0, 5) do arguments[i] = pick() end
    if math.random() < 0.6 then
      local object = pick()
      local names = sorted(methods(object))
      if #names > 0 then
        fn, arguments[1] = methods(object)[names[math.random(#names)]], math.random() < 0.9
          and object or pick()
      end
    end
    tasks[#tasks + 1] = modules.task.spawn(one, fn, table.unpack(arguments, 1, 6))
    if #tasks % 20 == 0 then modules.task.sleep(0.01) end
  end
  modules.task.sleep(0.5)
  for _, task in ipairs(tasks) do task:cancel() end
  for _, value in ipairs(pool) do
    if type(value) == "string" or type(value) == "number" then pcall(call.env.calls.remove,
      call.env.calls, value) end
  end
  for _, value in ipairs(made) do
    if methods(value).close then pcall(methods(value).close, value) end
  end
end

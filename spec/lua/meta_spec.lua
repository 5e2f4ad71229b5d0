-- lua/moonline/meta describes what C provides: all of it, and nothing else.
local house = require "moonline.core.house"
local http = require "moonline.core.http"
local lfs = require "lfs"
local media = require "moonline.core.media"
local process = require "support.process"
local stage = require "support.stage"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"
local udp = require "moonline.core.udp"
local wire = require "moonline.core.wire"

local META = process.root .. "/lua/moonline/meta"

-- What a file describes: the module's functions, and of each class its methods by name.
local function described(path)
  local module, classes, class_of, comment = nil, {}, {}, nil
  for line in io.lines(path) do
    module = module or line:match("^%-%-%-@meta (%S+)")
    comment = line:match("^%-%-%-@class ([%w.]+)") or comment
    local variable = line:match("^local (%a+) = {}")
    if variable then
      class_of[variable], classes[comment] = comment, classes[comment] or {}
    end
    local owner, name = line:match("^function (%a+)[.:]([%w_]+)%(")
    if owner then
      assert(class_of[owner], path .. ": " .. owner .. " has no class")
      classes[class_of[owner]][name] = true
    end
  end
  return module, classes
end

local function all()
  local modules, classes = {}, {}
  for entry in lfs.dir(META) do
    if entry:match("%.lua$") then
      local module, found = described(META .. "/" .. entry)
      modules[module] = found[module] or {}
      found[module] = nil
      for name, methods in pairs(found) do classes[name] = methods end
    end
  end
  return modules, classes
end

-- "moonline.HttpClient" and "moonline.http client" are one.
local function plain(name)
  return (name:gsub("^moonline%.", ""):gsub("[%s_]", ""):lower())
end

-- The handle that a class describes: of that name, or of its last words, as CoreLeg is leg.
local function handle_of(real, class)
  local name = plain(class)
  for first = 1, #name do
    if real[name:sub(first)] then return name:sub(first) end
  end
end

local PROTOCOL = { __gc = true, __close = true }

local function functions(table_of)
  local set = {}
  for name, value in pairs(table_of) do
    if type(value) == "function" and not PROTOCOL[name] then set[name] = true end
  end
  return set
end

-- The metatables of all handles there have been: plain name -> methods.
local function live()
  local found = {}
  for name, value in pairs(debug.getregistry()) do
    local methods = type(name) == "string" and name:match("^moonline%.") and value.__index
    if type(methods) == "table" then found[plain(name)] = functions(methods) end
  end
  return found
end

-- One of each kind of handle is made in this state, so that its metatable is there.
local function make_everything()
  local s <close> = stage.open()
  s:phone("kate", function(call)
    local _ <close> = call:record { background = true }
    call:play { silence = 0.2 }
  end)
  s.web["/voice"] = stage.twiml("<Dial><Sip>" .. s.phones[1].address .. "</Sip></Dial>")
  s:call()
  s:quiet()
  local box = task.mailbox()
  s.web["/voice"] = stage.twiml "<Pause/><Pause length='5'/>"
  s.web["/audio"] = function(request) request:websocket():close() end
  local leg, rooms <close> = s:call(), house.rooms(s.alice.env.media)
  local audio <close> = assert(leg:stream(s.app.url:gsub("^http", "ws") .. "/audio"))
  audio:wait(5)
  local _ <close> = s.alice.core:ask { uri = s:uri(), box = box }
  local room = rooms:open("conference", "one", "CF")
  local _ <close> = assert(rooms:host(room, box))
  local _ <close> = assert(rooms:enter(room, leg.core, leg.sid, {}, box))
  local _ <close> = task.timer(0, box)
  local _ <close> = http.client {}
  http.jar()
  local socket <close> = assert(udp.open("127.0.0.1", 0, box))
  local between <close> = assert(wire.open(box))
  between:add(socket:port())
  assert(socket:send("127.0.0.1", socket:port(), "to itself"))
  assert(box:wait("packet", 1)).packet:close()
  local child <close> = assert(sys.spawn({ "/bin/true" }, { box = box }))
  child:pid()
  local _ <close> = assert(sys.watch({ META }, box))
  local _ <close> = assert(media.open { threads = 0 })
  sys.editor(box) -- nil where there is no terminal
end

local function difference(one, other)
  local list = {}
  for name in pairs(one) do
    if not other[name] then list[#list + 1] = name end
  end
  table.sort(list)
  return table.concat(list, " ")
end

describe("meta", function()
  local modules, classes = all()

  it("has every function of every module in C, and no other", function()
    for name, methods in pairs(modules) do
      local real = functions(require(name))
      assert.equal("", difference(real, methods), name .. " is not described in full")
      assert.equal("", difference(methods, real), name .. " has no such functions")
    end
    for name in pairs(package.preload) do
      if name:find("^moonline%.core%.") then assert.is_table(modules[name], name) end
    end
    for name in pairs(package.loaded) do
      if name:find("^moonline%.core%.") then assert.is_table(modules[name], name) end
    end
  end)

  it("has every method of every handle, and no other", function()
    make_everything()
    local real, known = live(), {}
    for name, methods in pairs(classes) do
      local handle = handle_of(real, name)
      if next(methods) then
        assert.is_string(handle, name .. ": none was ever made here")
        assert.equal("", difference(methods, real[handle]), name .. " has no such methods")
      end
      if handle then known[handle] = methods end
    end
    for name, methods in pairs(real) do
      assert.equal("", difference(methods, known[name] or {}), name .. " is not described in full")
    end
  end)
end)

-- Programs beside this one, for specs in real time: started, read while they run, ended by their pid.
--
--   local p <close> = process.start { "sleep", "1" }     its output goes to files of a private folder
--   p:await("listening on (%d+)")                         waits for a line; fails with what it did say
--   assert.equal(0, p:exit())                             waits for its end
-- Leaving the block kills what still runs.
local lfs = require "lfs"
local media = require "moonline.core.media"
local sip = require "moonline.core.sip"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local process = {}

local PATIENCE = 10 -- seconds that anything here may take
local LIFE = 60 -- seconds after which a forgotten child is killed
local STEP = 0.01

-- The shell leaves itself for the program, so that the pid is the program's.
local SHELL = { "/bin/sh", "-c", 'out=$1 err=$2; shift 2; exec "$@" >"$out" 2>"$err"', "sh" }

local SIGNALS = { HUP = 1, INT = 2, KILL = 9, TERM = 15 }

---This program, as the one to start beside it.
process.moonline = lfs.symlinkattributes("/proc/self/exe", "target")
---The top of the source tree.
process.root = sys.lua_dir():match("^(.*)/lua$")

local number = 0

---A new empty folder below the system's for temporary files.
---@return string
function process.folder()
  number = number + 1
  local path = os.tmpname()
  os.remove(path)
  assert(sys.mkdir(path))
  return path
end

function process.remove(folder)
  if folder and folder:match("^/tmp/") then os.execute("rm -rf '" .. folder .. "'") end
end

function process.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

function process.read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a") or ""
end

---A port of 127.0.0.1 that nothing listens on, of the given transport.
---@param transport "udp"|"tcp"|nil
---@return integer
function process.port(transport)
  local engine <close> = assert(media.open { threads = 0 })
  local agent <close> = assert(sip.agent {
    listen = { (transport or "udp") .. ":127.0.0.1:0" }, media = engine,
  })
  return tonumber(agent:addresses()[1]:match("(%d+)$"))
end

local Process = {}
Process.__index = Process

---@param argv string[]
---@param options { input: string?, directory: string?, environment: table<string, string>?, life: number? }?
function process.start(argv, options)
  options = options or {}
  local self = setmetatable({ folder = process.folder(), box = task.mailbox() }, Process)
  self.out_file, self.err_file = self.folder .. "/stdout", self.folder .. "/stderr"
  local line = table.move(SHELL, 1, #SHELL, 1, {})
  line[#line + 1], line[#line + 2] = self.out_file, self.err_file
  if options.environment then
    line[#line + 1] = "env"
    for name, value in pairs(options.environment) do line[#line + 1] = name .. "=" .. value end
  end
  table.move(argv, 1, #argv, #line + 1, line)
  local why, text
  self.child, why, text = sys.spawn(line, {
    box = self.box, input = options.input, directory = options.directory,
    timeout = options.life or LIFE,
  })
  if not self.child then error(text or why, 2) end
  self.pid = self.child:pid()
  return self
end

---What it has written to stdout so far.
function Process:out()
  return process.read(self.out_file)
end

function Process:err()
  return process.read(self.err_file)
end

function Process:said()
  return ("stdout: %s\nstderr: %s"):format(self:out(), self:err())
end

-- Takes its end, when it has ended.
function Process:poll(timeout)
  if self.status == nil then
    local event = self.box:wait({ "exited" }, timeout or 0)
    if event then self.status, self.timed_out = event.status, event.timed_out end
  end
  return self.status
end

---Waits until its output (stdout; or "err") matches: the captures.
---@param pattern string
---@param stream "out"|"err"|nil
function Process:await(pattern, stream, timeout)
  local limit = task.clock() + (timeout or PATIENCE)
  while true do
    local ended = self:poll()
    local found = table.pack(self[stream or "out"](self):match(pattern))
    if found[1] then return table.unpack(found, 1, found.n) end
    if ended or task.clock() > limit then
      error(("no %q, %s\n%s"):format(pattern, ended and "ended with " .. ended or "still running",
        self:said()), 2)
    end
    task.sleep(STEP)
  end
end

---Waits for its end: the exit status (128 + the signal that killed it).
---@param timeout number?
---@return integer
function Process:exit(timeout)
  if not self:poll(timeout or PATIENCE) then
    error("it does not end\n" .. self:said(), 2)
  end
  return self.status
end

---@param name "TERM"|"HUP"|"INT"|"KILL"
function Process:signal(name)
  self.child:kill(SIGNALS[name])
end

function Process:close()
  if self.closed then return end
  self.closed = true
  self.child:close()
  process.remove(self.folder)
end

Process.__close = Process.close

---Waits until fn() gives a true value: that value.
function process.eventually(fn, what, timeout)
  local limit = task.clock() + (timeout or PATIENCE)
  while true do
    local value = fn()
    if value then return value end
    if task.clock() > limit then error("never came: " .. (what or "what was waited for"), 2) end
    task.sleep(STEP)
  end
end

return process

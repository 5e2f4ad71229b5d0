-- What virtual time cannot show: RTP timeouts, a killed process, a full disk. Each is a program of its
-- own in spec/calls/real, in real time, beside this one.
local audio = require "support.audio"
local lfs = require "lfs"
local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local PROGRAM <const> = lfs.symlinkattributes("/proc/self/exe", "target")
local FOLDER <const> = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") .. "/real/"

-- Runs a script to its end: its exit status and all it said.
local function run(argv)
  local box = task.mailbox()
  local _ <close> = assert(sys.spawn(argv, { box = box, timeout = 30 }))
  local event = box:wait { "exited" }
  return event.status, event.output .. event.errors
end

local function store()
  local path = os.tmpname()
  os.remove(path)
  return path, setmetatable({}, { __close = function() os.execute("rm -rf '" .. path .. "'") end })
end

local function only_recording(path)
  local found
  for name in lfs.dir(path .. "/recordings") do
    if name:match("%.wav$") then
      assert.is_nil(found)
      found = path .. "/recordings/" .. name
    end
  end
  return audio.read(assert(found, "no recording"))
end

describe("in real time", function()
  it("MED-10 S12 who falls silent is hung up after rtp.timeout, who holds is not", function()
    local status, said = run { PROGRAM, FOLDER .. "vanish.lua" }
    assert.equal(0, status, said)
    assert.matches("fine\n", said, 1, true)
  end)

  it("S8 OS1 a recording is readable when the process is killed in the middle of it", function()
    local path, _ <close> = store()
    local status, said = run { PROGRAM, FOLDER .. "recording.lua", "kill", path, "1.6" }
    assert.equal(137, status, said)
    local wav = only_recording(path)
    assert.equal(2, wav.channels)
    assert.is_true(wav.seconds > 0.5 and wav.seconds < 1.7, "it has " .. wav.seconds .. " s")
    assert.near(5108, audio.amplitude(wav[1], 1000, 0.2, wav.seconds), 300)
    assert.near(5108, audio.amplitude(wav[2], 600, 0.2, wav.seconds), 300)
  end)

  it("S8 OS4 a full disk fails the recording, and the call goes on", function()
    local path, _ <close> = store()
    local status, said = run { PROGRAM, FOLDER .. "recording.lua", "full", path, "1.8" }
    assert.equal(0, status, said)
    assert.matches("fine\n", said, 1, true)
    local wav = only_recording(path) -- what was written stays
    assert.is_true(wav.seconds > 0.5 and wav.seconds < 0.96, "it has " .. wav.seconds .. " s")
  end)
end)

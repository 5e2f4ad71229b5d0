-- Tasks, mailboxes and the unwind: the ground every call stands on.
local task = require "moonline.core.task"
local sys = require "moonline.core.sys"

local function closing(fn)
  return setmetatable({}, { __close = fn })
end

describe("task", function()
  it("L1 gives its results to whoever watches it", function()
    local box = task.mailbox()
    task.spawn(function(a) task.sleep(1) return a, nil, "x" end, 7):watch(box)
    local event = box:wait { "task" }
    assert.is_true(event.ok)
    assert.same({ 7, nil, "x", n = 3 }, event.values)
  end)

  it("L1 tells an error with its place", function()
    local box = task.mailbox()
    local failing = task.spawn(function() error("boom") end)
    failing:watch(box)
    local event = box:wait { "task" }
    assert.is_false(event.ok)
    assert.matches("task_spec.lua:%d+: boom", event.error)
    assert.equal("failed", failing:state())
  end)

  it("L1 is cancelled at its wait, past any pcall, and may wait while it closes", function()
    local box, log = task.mailbox(), {}
    local waiting = task.spawn(function()
      local _ <close> = closing(function() task.sleep(1) log[#log + 1] = "closed" end)
      pcall(function() task.mailbox():wait() end)
      log[#log + 1] = "swallowed"
    end)
    waiting:watch(box)
    task.sleep(0.1)
    waiting:cancel("enough")
    local event = box:wait { "task" }
    assert.is_true(event.unwound)
    assert.same({ kind = "cancel", reason = "enough" }, event.error)
    assert.same({ "closed" }, log)
  end)

  it("L1 gives closing handlers five seconds in all", function()
    local box = task.mailbox()
    local start = task.clock()
    local stubborn = task.spawn(function()
      local _ <close> = closing(function() task.sleep(60) end)
      task.sleep(60)
    end)
    stubborn:watch(box)
    task.sleep(0)
    stubborn:cancel()
    box:wait { "task" }
    assert.near(5, task.clock() - start, 0.2)
  end)

  it("cancelled before it began never runs", function()
    local box, ran = task.mailbox(), false
    local early = task.spawn(function() ran = true end)
    early:watch(box)
    early:cancel()
    assert.is_true(box:wait({ "task" }).unwound)
    assert.is_false(ran)
  end)

  it("does not wait in a coroutine that is no task", function()
    local ok, why = coroutine.wrap(function() return pcall(task.sleep, 1) end)()
    assert.is_false(ok)
    assert.matches("not inside a task", why)
    ok, why = pcall(coroutine.yield)
    assert.is_false(ok)
    assert.matches("a task is no coroutine of yours", why)
  end)

  it("does not wait in a callback of a C function, and leaves its mailbox to others", function()
    local box = task.mailbox()
    local one = task.spawn(function()
      local ok, why = pcall(table.sort, { 2, 1 }, function() return box:wait() end)
      return ok, why
    end)
    local done = task.mailbox()
    one:watch(done)
    local event = done:wait({ "task" }, 1)
    assert.is_false(event.values[1])
    assert.matches("not inside a callback of a C function", event.values[2])
    box:post { kind = "a" }
    assert.equal("a", box:wait({ "a" }, 1).kind)
  end)

  it("leaves nothing behind", function()
    collectgarbage()
    local before = sys.counts()
    for _ = 1, 1000 do
      task.spawn(function() task.sleep(0.01) end)
    end
    task.sleep(1)
    collectgarbage()
    assert.same(before, sys.counts())
  end)
end)

describe("unwind", function()
  it("passes pcall, xpcall and coroutine.resume, and stops at catch", function()
    for _, attempt in ipairs {
      function(fn) pcall(fn) end,
      function(fn) xpcall(fn, function() return "turned into text" end) end,
      function(fn) coroutine.resume(coroutine.create(fn)) end,
      function(fn) coroutine.wrap(fn)() end,
    } do
      local ok, value = task.catch(attempt, function() task.unwind { kind = "hangup" } end)
      assert.is_false(ok)
      assert.equal("hangup", value.kind)
    end
    assert.has_error(function() task.catch(error, "plain") end, "plain")
  end)
end)

describe("mailbox", function()
  it("gives the oldest event of the kinds asked for and leaves the others in order", function()
    local box = task.mailbox()
    for i, kind in ipairs { "digit", "hangup", "digit" } do box:post { kind = kind, i = i } end
    assert.equal(2, box:wait({ "hangup" }).i)
    assert.equal(1, box:wait({ "digit", "hangup" }).i)
    assert.equal(3, box:wait().i)
    assert.same({ nil, "timeout" }, { box:wait(nil, 0) })
  end)

  it("times out and leaves a later event in place", function()
    local box = task.mailbox()
    task.timer(2, box)
    local event, why = box:wait({ "timer" }, 1)
    assert.is_nil(event)
    assert.equal("timeout", why)
    assert.is_table(box:wait { "timer" })
  end)

  it("serves the next waiter after a cancelled one", function()
    local box, done = task.mailbox(), task.mailbox()
    local first = task.spawn(function() box:wait { "never" } end)
    task.sleep(0)
    first:cancel()
    task.spawn(function() return box:wait({ "a" }).kind end):watch(done)
    task.sleep(0.1)
    box:post { kind = "a" }
    assert.equal("a", done:wait({ "task" }, 1).values[1])
  end)

  it("holds 256 events and drops digits first", function()
    local box = task.mailbox()
    box:post { kind = "hangup" }
    for i = 1, 300 do box:post { kind = "digit", i = i } end
    assert.equal(256, #box)
    assert.is_table(box:wait({ "hangup" }, 0))
    assert.equal(46, box:wait({ "digit" }, 0).i)
    assert.equal(254, box:drop "digit")
  end)

  it("has one waiter at a time", function()
    local box, done = task.mailbox(), task.mailbox()
    task.spawn(function() box:wait { "a" } end)
    task.spawn(function() box:wait { "a" } end):watch(done)
    assert.matches("another task waits", done:wait({ "task" }, 1).error)
    box:post { kind = "a" }
  end)
end)

describe("timer", function()
  it("fires though nobody holds it, in order, and not after close", function()
    local box = task.mailbox()
    task.timer(0.2, box, { kind = "b" })
    task.timer(0.1, box, { kind = "a" })
    task.timer(0.15, box, { kind = "never" }):close()
    collectgarbage()
    assert.equal("a", box:wait().kind)
    assert.equal("b", box:wait().kind)
    assert.is_nil((box:wait(nil, 1)))
  end)
end)

---@meta moonline.core.task
-- Tasks, mailboxes, timers: everything that waits, waits here.
-- The functions that wait (Mailbox:wait, task.sleep) may only be called inside a task; anywhere else
-- they raise "... : not inside a task".

---@class moonline.core.task
local task = {}

---One coroutine with its own life. Freed when it has ended and nobody holds it.
---@class moonline.Task
local Task = {}

---What happened: a table with at least `kind`; events made by the runtime also carry `time`
---(seconds, the clock of task.clock) and, where an operation caused them, its number `op`.
---@class moonline.Event
---@field kind string
---@field time number?
---@field op integer?

---A FIFO of events, waited on by one task at a time. Holds at most `capacity` events: past that the
---oldest "digit" is dropped (with one warning), or the oldest event when there is none.
---@class moonline.Mailbox
local Mailbox = {}

---@class moonline.Timer
local Timer = {}

---Starts fn(...) as a task. It begins after the caller has waited or returned, never at once.
---@param fn function
---@return moonline.Task
function task.spawn(fn, ...) end

---The task that is running, nil outside one.
---@return moonline.Task?
function task.current() end

---@param seconds number
function task.sleep(seconds) end

---Monotonic seconds (virtual in simulation).
---@return number
function task.clock() end

---Seconds since 1970-01-01T00:00:00Z (virtual in simulation).
---@return number
function task.time() end

---@param capacity integer? 256
---@return moonline.Mailbox
function task.mailbox(capacity) end

---Posts event (kind "timer" when nil) into box once, after that many seconds.
---@param seconds number
---@param box moonline.Mailbox
---@param event moonline.Event?
---@return moonline.Timer
function task.timer(seconds, box, event) end

---Raises value so that no pcall of a script can hold it: pcall and xpcall of this runtime pass it on.
---It ends the task quietly, unless caught by task.catch.
---@param value any
function task.unwind(value) end

---Calls fn(...) and catches an unwind: true, results... | false, value. Ordinary errors pass through.
---@param fn function
---@return boolean ok, any ...
function task.catch(fn, ...) end

---Raises the unwind {kind="cancel", reason=reason} at the place where the task waits (or will wait
---next). Its `<close>` handlers may still wait, 5 s in all. Nothing for an ended task.
---@param reason string?
function Task:cancel(reason) end

---"ready", "waiting", "running", "done", "failed", "unwound"
---@return string
function Task:state() end

---When the task ends (or if it has ended) box gets { kind = "task", task = Task, ok = boolean,
---values = { n = ..., ... } | nil, error = any }. An unwound task is ok = false, unwound = true and
---error is the value.
---@param box moonline.Mailbox
function Task:watch(box) end

---A name for logs.
---@param name string
function Task:name(name) end

---@param event moonline.Event
function Mailbox:post(event) end

---Takes the oldest event whose kind is in kinds (nil: any) and leaves the others in order.
---@param kinds string|string[]|nil one kind or several
---@param timeout number? seconds; nil: for ever; 0: only what is there
---@param also string[]? more kinds
---@return moonline.Event? event, "timeout"?
function Mailbox:wait(kinds, timeout, also) end

---Drops all events of that kind. Returns how many.
---@param kind string
---@return integer
function Mailbox:drop(kind) end

---Stops it; closing twice is fine. Has __close.
function Timer:close() end

return task

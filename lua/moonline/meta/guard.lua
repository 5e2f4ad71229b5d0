---@meta moonline.core.guard
-- Limits of what runs between two waits, and who may catch it when they are exceeded. Whatever exceeds
-- them is stopped by an unwind that pcall, xpcall and coroutines pass on.

---@class moonline.core.guard
local guard = {}

---Limits of every run in this Lua state from its next one on: a run is one resume of a task, or one
---guard.load. CPU time is that of the thread, kept to about a fifth of resume_ms; memory is the growth
---of this state's heap, and the sum of all heaps. A state without limits has none.
---@param limits { resume_ms: integer, resume_mb: integer, memory_mb: integer } ms of CPU; MiB
function guard.limit(limits) end

---Calls fn(...), which may wait. true and its results, or false and the message with a traceback. A
---breach of the limits is such a failure, too, and the code after it has a whole budget again; three
---times in one run, then the breach goes on to the root.
---@param fn function
---@return boolean ok
---@return any ...
function guard.run(fn, ...) end

---The same where a call begins: a breach goes no further than this.
---@param fn function
---@return boolean ok
---@return any ...
function guard.root(fn, ...) end

---Calls fn(...), which must not wait, in a run of its own: the top level of a file.
---@param fn function
---@return boolean ok
---@return any ...
function guard.load(fn, ...) end

---The libraries `string` and `table` as states with limits have them: the same results, but what loops in
---C ends with the budget.
---@return { string: table, table: table }
function guard.libraries() end

return guard

---@meta moonline.core.store
-- Records of calls, recordings and notifications on disk, and the outbox of callbacks. Nothing here
-- waits: writing is done by a thread of its own, in the order asked for, and what one turn of the loop
-- asks for is one transaction. lua/moonline/store.lua makes the waiting reads.

---@class moonline.core.store
local store = {}

---@alias moonline.RecordKind "call"|"recording"|"notification"|"conference"|"queue"|"event"|"callback"

---@class moonline.CoreStore
local Store = {}

---A handle that generations share. Without a path nothing is kept: lists are empty, and callbacks last
---as long as the program. One process at a time may have a path.
---@param options { path: string? }
---@return moonline.CoreStore?, string? why, string? text
function store.open(options) end

---Makes the row with that key or changes these fields of it; false unsets one. Raises for a kind or a
---field that is not known. The key is "sid"; of events and callbacks "id".
---@param kind moonline.RecordKind
---@param fields table<string, string|number|false>
function Store:put(kind, fields) end

---Removes a row. A call takes its events and notifications along.
---@param kind moonline.RecordKind
---@param key string|integer
function Store:remove(kind, key) end

---box gets { kind = "rows", rows = { ... }, text = why they cannot be read }. Every put before is seen.
---@param kind moonline.RecordKind
---@param options { where: { [1]: string, [2]: "="|"~="|"<"|">"|"<="|">=", [3]: string|number|false }[]?, most: integer?, first: integer?, after: integer?, oldest: boolean? }
---  after: goes on behind the row with that id; most: 50
---@param box moonline.Mailbox
function Store:list(kind, options, box) end

---Removes calls and conferences that ended and recordings that were made before a time, and the oldest recordings
---until the rest has no more than that many bytes. 0: no limit. Files are folder/<sid>.wav.
---@param folder string
---@param before number seconds since 1970
---@param bytes integer
function Store:prune(folder, before, bytes) end

---problem: why records are lost at the moment; queued: bytes that wait for the disk; lost: writes that
---were not kept since the start; pending: callbacks that are not delivered.
---@return { queued: integer, lost: integer, pending: integer, problem: string? }
function Store:health() end

---From now on what was put in this turn survives the process, however it ends; of itself it does so as the
---turn ends, and all of it together.
function Store:commit() end

---A callback: written, then sent by a state that serves, this one if it does. Those with the same
---`call` go one after the other. Its number.
---@param call string
---@param url string
---@param method "GET"|"POST"
---@param form string parameters, form-encoded
---@param what string for the log
---@param token string
---@return integer
function Store:push(call, url, method, form, what, token) end

---Lets go of the handle; the last one closes the store, once all is written. Has __close.
function Store:close() end

---From now on this state sends callbacks: each in a task of its own, which ends with done. attempts:
---how many failed before.
---@param fn fun(call: string, id: integer, attempts: integer)
function Store:serve(fn) end

---What is being sent under that number: for who did not push it, or has forgotten it.
---@param call string
---@param id integer
---@return { url: string, method: "GET"|"POST", form: string, what: string, token: string }?
function Store:sending(call, id) end

---This state sends no more.
function Store:leave() end

---@param call string
---@param id integer
---@param delivered boolean else it is tried again: after 1, 2, 4 ... 300 seconds, for 24 hours
function Store:done(call, id, delivered) end

---Callbacks under way or never tried, at most one a call: 0 when the program may end.
---@return integer
function Store:busy() end

return store

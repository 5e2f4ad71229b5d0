---@meta moonline.core.generation
-- A generation: one lua_State with one load of all policy. Generations share nothing but the handles
-- given to them; what goes from one to another is plain values and moved handles.

---@class moonline.core.generation
local generation = {}

---@class moonline.Generation
local Generation = {}

---Makes a state, requires `entry` in it and calls the function it returns with `env`: a copy of the
---plain values of options.env, handles in it shared (Agent, Media, HttpClient, Speech, Calls,
---CoreStore), plus env.number. That call must return a table of handlers: name -> function.
---A load that fails returns nil, message ("file:line: ..."); nothing else has changed.
---Events the generation sends with generation.notify go to box, each with generation = number.
---`lua` is a folder of sources that is looked in before the program's own.
---@param options { entry: string, env: table, box: moonline.Mailbox?, lua: string? }
---@return moonline.Generation?, string? message
function generation.load(options) end

---Runs handler `name` as a task in that state. Arguments: plain values, and handles, which move there
---(a Leg, a Request: this state's value is closed from now on).
---@param name string
---@return boolean ok false when it has no such handler, or has been freed
function Generation:deliver(name, ...) end

---Tasks alive in it.
---@return integer
function Generation:tasks() end
---Bytes of its Lua heap.
---@return integer
function Generation:memory() end
---A full collection of its heap.
function Generation:collect() end
---@return integer
function Generation:number() end
---Freed when its last task has ended: box then gets {kind="generation-freed", generation=number}.
function Generation:retire() end
---Retires it, and nobody is told when it is gone. Has __close.
function Generation:close() end

---Inside a generation: posts a plain event to the box given to load. In the program's own state: no
---effect.
---@param event moonline.Event
function generation.notify(event) end

return generation

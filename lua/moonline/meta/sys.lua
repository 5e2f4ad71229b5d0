---@meta moonline.core.sys
-- The process and its surroundings.

---@class moonline.core.sys
local sys = {}

---@class moonline.Child
local Child = {}
---@class moonline.Watch
local Watch = {}
---@class moonline.Editor
local Editor = {}

---version, sofia, libev, curl, libxml2, microhttpd, lua, spandsp, sndfile, openssl, cares -> text
---@return table<string,string>
function sys.versions() end
---Folder of the Lua sources this program runs ("…/lua").
---@return string
function sys.lua_dir() end
---@return boolean
function sys.is_virtual() end
---All that is random is from now on the sequence of this seed: for simulations and tests only.
---@param seed integer
function sys.seed(seed) end
---{kind="signal", name="TERM"|"HUP"|"INT"|"USR1"} into box.
---@param name string
---@param box moonline.Mailbox
---@return moonline.Watch closable
function sys.signal(name, box) end
---{kind="changed", path} into box when something at or below one of the paths changes.
---@param paths string[]
---@param box moonline.Mailbox
---@return moonline.Watch?, string? why, string? text
function sys.watch(paths, box) end
---One more path to a watch of files.
---@param path string
---@return boolean? ok, string? why, string? text
function Watch:add(path) end
function Watch:close() end

---box gets {kind="exited", child, status, timed_out, output, errors}.
---@param argv string[]
---@param options { input: string?, stdout: string?, directory: string?, timeout: number?, box: moonline.Mailbox }
---@return moonline.Child?, string? why, string? text
function sys.spawn(argv, options) end
---0 once it has exited.
---@return integer
function Child:pid() end
---@param signal integer?
function Child:kill(signal) end
function Child:close() end

---Ends the process after this turn with that exit code, `<close>` and handles of all states closed.
---@param code integer
function sys.exit(code) end
---One line to stdout, flushed.
---@param line string
function sys.print(line) end
---The standard input: {kind="line", text} into box for each line, {kind="end"} at last.
---@param box moonline.Mailbox
---@return moonline.Watch closable
function sys.lines(box) end
---The same on a terminal, with a line editor and history: a line comes after each ask. nil when the
---standard input or output is no terminal.
---@param box moonline.Mailbox
---@return moonline.Editor? closable
function sys.editor(box) end
---Shows the prompt and reads one line.
---@param prompt string
function Editor:ask(prompt) end
function Editor:close() end
---"READY=1" and the like, to systemd; nothing when not started by it.
---@param state string
function sys.notify(state) end
---CPU seconds of the process, resident bytes, open descriptors, and how many it may have; lag: seconds
---that what comes in waits for its turn, about.
---@return { cpu: number, memory: integer, descriptors: integer, most_descriptors: integer, lag: number }
function sys.usage() end
---Counted things that live now, for leak checks: blocks, watchers, tasks, and the open handles of
---each class (name -> count).
---@return table<string, integer>
function sys.counts() end
---Our address towards another, by the routing table; nil when there is no route.
---@param peer string numeric
---@return string?
function sys.local_address(peer) end
---@param path string
---@return boolean?, string? why
function sys.mkdir(path) end

return sys

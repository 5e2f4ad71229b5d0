-- moonline ready.lua [URL]: exit code 0 when the server there takes calls, for health checks.

local http = require "moonline.core.http"
local task = require "moonline.core.task"

local url = (... or "http://127.0.0.1:8080") .. "/ready"
local box = task.mailbox()
local client <close> = http.client {}
client:fetch({ url = url, timeout = 2 }, box)
os.exit(box:wait("response").status == 200)

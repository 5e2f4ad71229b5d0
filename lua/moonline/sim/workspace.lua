-- A folder for what simulations of this process write, removed at the end.

local lfs = require "lfs"
local runtime = require "moonline.runtime"

---@class moonline.SimWorkspace
---@field folder string
local Workspace = {}
Workspace.__index = Workspace
Workspace.__name = "moonline.SimWorkspace"

local workspace = {}

---Has the phones of this process keep what they need in a folder of their own. Once, before anything else
---uses the runtime. Hold it with <close>.
---@return moonline.SimWorkspace
function workspace.open()
  local folder = os.tmpname()
  os.remove(folder)
  lfs.mkdir(folder)
  runtime.configure { store = { path = folder .. "/phones" } }
  return setmetatable({ folder = folder }, Workspace)
end

function Workspace:close()
  os.execute(("rm -rf '%s'"):format(self.folder))
end

Workspace.__close = Workspace.close

return workspace

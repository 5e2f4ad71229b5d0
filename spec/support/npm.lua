-- Packages of npm, for specs that need the official SDK: installed into build/npm when they are not
-- there yet, and kept. Two specs that want one at the same time wait for each other.
local lfs = require "lfs"
local process = require "support.process"

local npm = {}

local HOME = process.root .. "/build/npm"
local INSTALL = "mkdir -p '%s' && flock '%s/lock' timeout 120 npm install --prefix '%s' --no-save "
  .. "--no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error '%s@%s' >/dev/null"

local function version_of(folder)
  return process.read(folder .. "/package.json"):match('"version":%s*"([^"]+)"')
end

---The folder of a package.
---@param name string
---@param version string exactly this one
---@return string
function npm.package(name, version)
  local folder = ("%s/node_modules/%s"):format(HOME, name)
  if version_of(folder) ~= version then
    os.execute(INSTALL:format(HOME, HOME, HOME, name, version))
    if version_of(folder) ~= version then error("npm gave no " .. name) end
  end
  return folder
end

---The lines that a script prints.
---@param script string from the top of the source tree
---@param ... string arguments
---@return string[]
function npm.lines(script, ...)
  local line = ("timeout 60 node '%s/%s'"):format(process.root, script)
  for _, word in ipairs { ... } do line = line .. (" '%s'"):format(word) end
  local pipe, lines = assert(io.popen(line)), {}
  for text in pipe:lines() do lines[#lines + 1] = text end
  assert(pipe:close(), script .. " failed")
  return lines
end

assert(lfs.attributes(process.root .. "/build", "mode") == "directory")

return npm

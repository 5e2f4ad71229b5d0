-- For stories of generations: files that change under a running server.
local lfs = require "lfs"
local moonline = require "moonline"

local changing = {}

function changing.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

function changing.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

---A folder that is gone at the end of the test.
function changing.folder()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  return setmetatable({ path = path }, {
    __close = function() os.execute("rm -rf '" .. path .. "'") end,
  })
end

---Waits until the server has told of such an event again.
function changing.told(s, kind, before)
  local limit = moonline.clock() + 3
  while #s:seen(kind) <= before do
    if moonline.clock() > limit then error("nothing was told of: " .. kind, 2) end
    moonline.sleep(0.02)
  end
  return s:seen(kind)[before + 1]
end

function changing.change(s, path, text, kind)
  local before = #s:seen(kind or "generation")
  changing.write(path, text)
  return changing.told(s, kind or "generation", before)
end

function changing.health(s)
  local response = assert(moonline.http.get("http://" .. s.server.http_address .. "/health"))
  return moonline.json.decode(response.body)
end

---How many generations there are, once those that can go are gone.
function changing.generations(s)
  local limit = moonline.clock() + 2
  local count
  repeat
    count = 0
    for _ in pairs(s.server.generations) do count = count + 1 end
    if count == 1 then return 1 end
    moonline.sleep(0.05)
  until moonline.clock() > limit
  return count
end

return changing

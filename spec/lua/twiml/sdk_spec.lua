-- V1: whatever the official SDK's VoiceResponse can write is taken, or refused by number.
local check = require "moonline.cli.check"
local document = require "moonline.twiml.document"
local elements = require "moonline.elements"
local npm = require "support.npm"
local process = require "support.process"
local vocabulary = require "moonline.twiml.vocabulary"

local SDK = "6.2.0"
local UNSUPPORTED = 13750

local finder = elements.new()

-- The documents of the walk, by the path of the element that is varied.
local function walk()
  local by_path, paths = {}, {}
  for _, line in ipairs(npm.lines("spec/sdk/walk.js", npm.package("twilio", SDK))) do
    local path, attribute, text = line:match("^([^\t]+)\t([^\t]*)\t(.*)$")
    if not by_path[path] then
      by_path[path] = {}
      paths[#paths + 1] = path
    end
    table.insert(by_path[path], { attribute = attribute, text = text })
  end
  return by_path, paths
end

local function element_of(name)
  return finder:verb(name) or finder:noun(name)
end

-- What TwiML itself forbids though the SDK writes it, by its own number.
local FORBIDDEN = { ["Gather/Play"] = 13320, Dial = not finder:noun("Number") and 13224 or nil }

-- The element of the path that is not done, or the attribute that has no effect: on record as such.
local function refused(problem, path)
  if problem.code ~= UNSUPPORTED then return nil end
  local name = problem.message:match("^<([%a-]+)>")
  if name then return ("/%s/"):format(path):find("/" .. name .. "/", 1, true) and name end
  for word in path:gmatch("[^/]+") do
    local element = element_of(word)
    local specs = element and element.attrs or vocabulary.speech[word] or {}
    local spec = specs[problem.message:match("^[%a-]+")]
    if spec and spec.unsupported then return nil, problem.message end
  end
end

-- What is wrong with a document of the walk, nil when it is taken or refused as it should be.
local function fault(path, one)
  local wrong
  local _, problems = document.parse(one.text, { mode = "strict" })
  for _, problem in ipairs(problems) do
    local element, attribute = refused(problem, path)
    if element then return nil end -- what follows from its absence does not count
    if not attribute and problem.code ~= FORBIDDEN[path] then wrong = problem end
  end
  return wrong and ("%s: %d %s"):format(one.text, wrong.code, wrong.message)
end

describe("V1 the official SDK", function()
  local by_path, paths = walk()

  for _, path in ipairs(paths) do
    it("writes nothing that is silently ignored: " .. path, function()
      local wrong = {}
      for _, one in ipairs(by_path[path]) do wrong[#wrong + 1] = fault(path, one) end
      assert.same({}, wrong)
    end)
  end

  it("writes documents that moonline check takes as they are, or refuses by number", function()
    local folder, files, told = process.folder(), {}, {}
    for i, path in ipairs(paths) do
      local all = by_path[path][#by_path[path]]
      files[i] = process.write(("%s/%d.xml"):format(folder, i), all.text)
    end
    local function line(text)
      local file, code = text:match("^(.-):%d+:%d+: %a+ (%d+)")
      told[file] = (told[file] or "") .. " " .. code
    end
    check.run({ file = files, mode = "strict" }, { line = line, problem = line })
    process.remove(folder)
    for i, path in ipairs(paths) do
      local codes = told[files[i]] or ""
      local refusal = codes:find(UNSUPPORTED) or codes:find(FORBIDDEN[path] or UNSUPPORTED)
      assert.truthy(codes == "" or refusal, path .. codes)
    end
  end)
end)

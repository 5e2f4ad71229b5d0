-- Lua that is typed: lines, with an editor where there is a terminal, until they are a whole chunk.

local sys = require "moonline.core.sys"
local task = require "moonline.core.task"

local FIRST, MORE = "> ", ">> "

---@class moonline.Chunks
---@field box moonline.Mailbox
---@field editor moonline.Editor? there is a terminal
---@field text string the lines of the chunk so far
local Chunks = {}
Chunks.__index = Chunks

local chunks = {}

---An expression, or statements.
---@param text string
---@param name string "=stdin"
---@param env table? its globals
---@return function? chunk
---@return string? problem
---@return boolean? is_open more lines would help
function chunks.compile(text, name, env)
  env = env or _G
  local chunk = load("return " .. text, name, "t", env)
  if chunk then return chunk end
  local problem
  chunk, problem = load(text, name, "t", env)
  if chunk then return chunk end
  return nil, problem, problem:match("<eof>$") ~= nil
end

local function ask(self)
  local prompt = self.text == "" and FIRST or MORE
  if self.editor then return self.editor:ask(prompt) end
  if not self.prompts then return end
  io.stdout:write(prompt)
  io.stdout:flush()
end

-- Takes a line. While one is typed SIGINT is for it; else it ends the program, whatever that is at.
local function answer(self)
  local _ <close> = self.editor and sys.signal("INT", self.box)
  ask(self)
  return self.box:wait { "line", "end", "signal" }
end

---The next chunk that is whole, or whose fault more lines would not mend; nil at the end of the input.
---@return string?
function Chunks:next()
  while not self.over do
    local event = answer(self)
    if event.kind == "signal" then -- nothing is kept of the chunk that is being typed
      self.text = ""
      io.stdout:write "\n"
    elseif event.kind == "line" then
      self.text = self.text == "" and event.text or self.text .. "\n" .. event.text
      local _, _, is_open = chunks.compile(self.text, "=stdin")
      if not is_open then
        local text = self.text
        self.text = ""
        if text:find "%S" then return text end
      end
    else
      self.over = true
      if self.prompts or self.editor then io.stdout:write "\n" end
      if self.text ~= "" then return self.text end -- never whole: what is wrong is told when it runs
    end
  end
  return nil
end

function Chunks:close()
  if self.input then self.input:close() end
  self.input = nil
end

Chunks.__close = Chunks.close

---@param options { prompts: boolean? }? prompts: also where there is no terminal
---@return moonline.Chunks
function chunks.open(options)
  local box = task.mailbox(65536)
  local self = setmetatable({ box = box, text = "", editor = sys.editor(box),
    prompts = options and options.prompts }, Chunks)
  self.input = self.editor or sys.lines(box)
  return self
end

return chunks

-- Where each key of a configuration file is written: "sip.regions.ie1" -> line and column.

local lexer = require "moonline.config.lexer"

local places = {}

---@class moonline.Place
---@field line integer
---@field column integer

local function text_of(token)
  if token.kind == "string" then return token.value end
  if token.kind == "number" then return tostring(tonumber(token.text) or token.text) end
  return token.text
end

-- The key that begins at tokens[i] in a table or block, and where its value begins.
local function key_at(tokens, i)
  local token, second = tokens[i], tokens[i + 1]
  if token.kind == "name" and second and second.text == "=" and second.kind == "symbol" then
    return token.text, i + 2
  end
  local close, equals = tokens[i + 2], tokens[i + 3]
  if token.text == "[" and token.kind == "symbol" and close and close.text == "]"
    and equals and equals.text == "=" then
    return text_of(second), i + 4
  end
  return nil
end

local function symbol(token, text)
  return token ~= nil and token.kind == "symbol" and token.text == text
end

local OPEN = { ["{"] = true, ["("] = true, ["["] = true }
local CLOSE = { ["}"] = true, [")"] = true, ["]"] = true }

-- Past the bracket that closes the one at i: arguments and indexes have no keys of ours.
local function skip_group(tokens, i)
  local depth = 0
  repeat
    local token = tokens[i]
    if token.kind == "symbol" and OPEN[token.text] then depth = depth + 1 end
    if token.kind == "symbol" and CLOSE[token.text] then depth = depth - 1 end
    i = i + 1
  until depth <= 0 or i > #tokens
  return i
end

local function begins_item(tokens, i)
  local before = tokens[i - 1]
  return before and before.kind == "symbol" and before.text:find("^[{,;]$") ~= nil
end

-- Reads the table constructor whose "{" is at i - 1; returns the index after its "}".
local function read_table(tokens, i, path, found)
  local index = 0
  while i <= #tokens do
    local token = tokens[i]
    if symbol(token, "}") then return i + 1 end
    local key, value = nil, i
    if begins_item(tokens, i) then
      key, value = key_at(tokens, i)
      if not key then
        index = index + 1
        key, value = tostring(index), i
      end
    end
    local here = key and path .. "." .. key
    if here then found[here] = { line = token.line, column = token.column } end
    i = value
    token = tokens[i]
    if symbol(token, "{") then
      i = read_table(tokens, i + 1, here or path .. ".?", found)
    elseif symbol(token, "(") or symbol(token, "[") then
      i = skip_group(tokens, i)
    elseif not symbol(token, "}") then
      i = i + 1
    end
  end
  return i
end

-- Of several equal tokens in a line, the one that Lua stumbles over when the source ends with it.
local function column_of(near, line, source)
  for _, token in ipairs(lexer.tokens(source)) do
    if token.line == line and token.text == near then
      local _, message = load(source:sub(1, token.stop), "=", "t", {})
      if message and not message:find("<eof>", 1, true) then return token.column end
    end
  end
  return nil
end

---The place that a message of Lua's names: "name:3: unexpected symbol near '='".
---@param message string
---@param name string of the chunk
---@param source string
---@return integer line
---@return integer column
---@return string text the message without its place
function places.of_message(message, name, source)
  local head = name .. ":"
  if message:sub(1, #head) == head then message = message:sub(#head + 1) end
  local number, text = message:match("^(%d+): (.*)$")
  if not number then return 1, 1, message end
  local line, near = tonumber(number), text:match("near '(.*)'$")
  if near then
    local column = column_of(near, line, source)
    if column then return line, column, text end
  end
  return line, 1, text
end

---Finds the keys. What is computed (in a loop, by a function) is not found.
---@param source string
---@return table<string, moonline.Place> found
---@return string[] globals names assigned at the top, in order
---@return boolean calls_require it is a program, most likely
function places.find(source)
  local tokens, found, globals, requires = lexer.tokens(source), {}, {}, false
  local i, is_local = 1, false
  while i <= #tokens do
    local token = tokens[i]
    if token.kind == "name" and token.text == "require" then requires = true end
    local key, value = nil, i
    if token.kind == "name" and not is_local then key, value = key_at(tokens, i) end
    is_local = token.kind == "name" and token.text == "local"
    if key then
      found[key] = { line = token.line, column = token.column }
      globals[#globals + 1] = key
      i = value
      token = tokens[i]
      if symbol(token, "{") then
        i = read_table(tokens, i + 1, key, found)
      end
    elseif symbol(token, "{") or symbol(token, "(") then
      i = skip_group(tokens, i)
    else
      i = i + 1
    end
  end
  return found, globals, requires
end

return places

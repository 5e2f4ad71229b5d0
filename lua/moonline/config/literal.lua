-- Reads a value that was written on a command line: a Lua literal when it is one, else text.

local lexer = require "moonline.config.lexer"

local literal = {}

local CONSTANTS = { ["true"] = true, ["false"] = false }
local MISSING = {} -- not a literal

local read

local function read_number(tokens, i, sign)
  local number = tonumber(tokens[i].text)
  if not number then return MISSING end
  return sign * number, i + 1
end

local function symbol(token, text)
  return token ~= nil and token.kind == "symbol" and token.text == text
end

local function read_key(tokens, i)
  local token = tokens[i]
  if token.kind == "name" and symbol(tokens[i + 1], "=") then return token.text, i + 2 end
  if not symbol(token, "[") then return nil, i end
  local key, after = read(tokens, i + 1)
  if key == MISSING or key == nil or key ~= key then return MISSING end
  if not (symbol(tokens[after], "]") and symbol(tokens[after + 1], "=")) then return MISSING end
  return key, after + 2
end

local function read_table(tokens, i)
  local result, index = {}, 0
  while tokens[i] and not symbol(tokens[i], "}") do
    local key, value_at = read_key(tokens, i)
    if key == MISSING then return MISSING end
    local value, after = read(tokens, value_at)
    if value == MISSING then return MISSING end
    if key == nil then
      index = index + 1
      key = index
    end
    result[key] = value
    i = after
    if symbol(tokens[i], ",") or symbol(tokens[i], ";") then
      i = i + 1
    elseif not symbol(tokens[i], "}") then
      return MISSING
    end
  end
  if not tokens[i] then return MISSING end
  return result, i + 1
end

function read(tokens, i)
  local token = tokens[i]
  if not token then return MISSING end
  if token.kind == "string" then return token.value, i + 1 end
  if token.kind == "number" then return read_number(tokens, i, 1) end
  if token.kind == "name" then
    if token.text == "nil" then return nil, i + 1 end
    if CONSTANTS[token.text] == nil then return MISSING end
    return CONSTANTS[token.text], i + 1
  end
  if symbol(token, "-") and tokens[i + 1] and tokens[i + 1].kind == "number" then
    return read_number(tokens, i + 1, -1)
  end
  if symbol(token, "{") then return read_table(tokens, i + 1) end
  return MISSING
end

---@param text string
---@return any value nil for the literal nil
---@return boolean is_literal false: value is the text itself
function literal.read(text)
  local tokens = lexer.tokens(text)
  local value, after = read(tokens, 1)
  if value == MISSING or after ~= #tokens + 1 then return text, false end
  return value, true
end

return literal

-- The tokens of a Lua source, with their places: where configuration keys are, what a literal is.

local lexer = {}

---@class moonline.Token
---@field kind "name"|"string"|"number"|"symbol"
---@field text string as written
---@field value string? of a string: what it means
---@field line integer
---@field column integer
---@field stop integer index of its last byte

local ESCAPES = {
  n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v", ["\\"] = "\\",
  ['"'] = '"', ["'"] = "'", ["\n"] = "\n",
}

local function unescape(body)
  body = body:gsub("\\z%s*", "")
  return (body:gsub("\\(x?)(%d?%d?%d?)(.?)", function(hex, digits, rest)
    if digits ~= "" and hex == "" and tonumber(digits) < 256 then
      return string.char(tonumber(digits)) .. rest
    end
    if hex == "" and digits == "" then return ESCAPES[rest] or "\\" .. rest end
    return nil
  end))
end

local function long_bracket(source, at)
  local level = source:match("^%[(=*)%[", at)
  if not level then return nil end
  local close = "]" .. level .. "]"
  local first = at + #level + 2
  local last, stop = source:find(close, first, true)
  if not last then return #source, source:sub(first) end
  return stop, source:sub(first, last - 1)
end

local function short_string(source, at)
  local quote = source:sub(at, at)
  local i = at + 1
  while i <= #source do
    local c = source:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == quote or c == "\n" then
      break
    end
    i = i + 1
  end
  return math.min(i, #source), unescape(source:sub(at + 1, i - 1))
end

local SYMBOLS = { "^%.%.%.", "^%.%.", "^[=~<>]=", "^//", "^::", "^<<", "^>>", "^." }

-- Where the token that begins at `at` ends, its kind, and a string's value; nil kind: nothing.
local function read(source, at)
  local _, stop = source:find("^%s+", at)
  if stop then return stop end
  if source:find("^%-%-", at) then
    stop = source:find("^%[=*%[", at + 2) and long_bracket(source, at + 2)
    return stop or select(2, source:find("^[^\n]*", at))
  end
  _, stop = source:find("^[%a_][%w_]*", at)
  if stop then return stop, "name" end
  _, stop = source:find("^%.?%d[%w.]*", at)
  if stop then return stop, "number" end
  if source:find("^[\"']", at) then
    local last, value = short_string(source, at)
    return last, "string", value
  end
  local last, value = long_bracket(source, at)
  if last then return last, "string", value end
  for _, pattern in ipairs(SYMBOLS) do
    _, stop = source:find(pattern, at)
    if stop then return stop, "symbol" end
  end
  return at
end

---@param source string
---@return moonline.Token[]
function lexer.tokens(source)
  local tokens, at, line, line_start = {}, 1, 1, 1
  while at <= #source do
    local stop, kind, value = read(source, at)
    local text = source:sub(at, stop)
    if kind then
      tokens[#tokens + 1] = {
        kind = kind, text = text, value = value, line = line, column = at - line_start + 1,
        stop = stop,
      }
    end
    for break_at in text:gmatch("()\n") do
      line, line_start = line + 1, at + break_at
    end
    at = stop + 1
  end
  return tokens
end

return lexer

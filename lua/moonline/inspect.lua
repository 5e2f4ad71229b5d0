-- Values as one likes to read them: tables in the order of their keys, in lines when they are long;
-- not deeper, and not more of them, than one can look at.

local WIDTH = 72 -- characters of a table in one line
local DEPTH, ENTRIES, TEXT = 4, 100, 2000

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do KEYWORDS[word] = true end

local function quote(text)
  local cut = #text > TEXT and (" .. %d more bytes"):format(#text - TEXT) or ""
  text = text:sub(1, TEXT):gsub('[\n\r\t"\\]', ESCAPES)
  return '"' .. text:gsub("[\0-\31\127]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end) .. '"' .. cut
end

local function by_type_and_value(a, b)
  local kind, other = type(a), type(b)
  if kind ~= other then return kind < other end
  if kind == "number" or kind == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local show

local function label(key, above)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
  return "[" .. show(key, above) .. "]"
end

-- What stands between the braces, an entry each.
local function entries(value, above)
  local list, keys = {}, {}
  local length = rawlen(value)
  for i = 1, math.min(length, ENTRIES) do list[i] = show(rawget(value, i), above) end
  local most, more = ENTRIES - #list, length - #list
  for key in next, value do
    if math.type(key) == "integer" and key >= 1 and key <= length then goto continue end
    if #keys < most then keys[#keys + 1] = key else more = more + 1 end
    ::continue::
  end
  table.sort(keys, by_type_and_value)
  for _, key in ipairs(keys) do
    list[#list + 1] = label(key, above) .. " = " .. show(rawget(value, key), above)
  end
  if more > 0 then list[#list + 1] = ("... %d more"):format(more) end
  return list
end

local function show_table(value, above)
  if above[value] then return "<itself>" end
  if next(value) == nil then return "{}" end
  if #above >= DEPTH then return "{ ... }" end
  above[value], above[#above + 1] = true, value
  local list, length = entries(value, above), 4
  above[value], above[#above] = nil, nil
  for _, text in ipairs(list) do
    length = length + #text + 2
    if text:find("\n", 1, true) then length = WIDTH + 1 end
  end
  if length <= WIDTH then return "{ " .. table.concat(list, ", ") .. " }" end
  for i, text in ipairs(list) do list[i] = "  " .. text:gsub("\n", "\n  ") end
  return "{\n" .. table.concat(list, ",\n") .. "\n}"
end

function show(value, above)
  if type(value) == "string" then return quote(value) end
  if type(value) ~= "table" then return tostring(value) end
  local meta = getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__tostring") then return tostring(value) end
  return show_table(value, above)
end

---@param value any
---@return string
return function(value)
  return show(value, {})
end

-- Names of configuration keys: "sip.regions.ie1.bind" and MOONLINE_SIP_REGIONS_IE1_BIND.

local suggest = require "moonline.twiml.suggest"

local keys = {}

local function unknown(path, name, fields)
  local near = suggest.nearest(name, suggest.keys(fields))
  local full = path == "" and name or path .. "." .. name
  return nil, ("there is no key %s"):format(full), near
end

local walk

local function walk_map(kind, rest, path, segments)
  local inner, text, field = kind.of, rest, nil
  if inner.kind == "record" then
    local head, tail = rest:match("^(.+)%.([%a_]+)$")
    if head and inner.fields[tail] then text, field = head, tail end
  end
  local key, must = text, nil
  if kind.key then key, must = kind.key(text) end
  if key == nil then return nil, ("a key of %s must be %s"):format(path, must) end
  segments[#segments + 1] = key
  if field then return walk(inner, field, path .. "." .. text, segments) end
  return inner, segments
end

function walk(kind, rest, path, segments)
  if kind.kind == "map" then return walk_map(kind, rest, path, segments) end
  local name, more = rest:match("^([^.]+)%.?(.*)$")
  if kind.kind ~= "record" then return nil, path .. " has no keys below it" end
  local inner = name and kind.fields[name]
  if not inner then return unknown(path, name or rest, kind.fields) end
  segments[#segments + 1] = name
  if more == "" then return inner, segments end
  return walk(inner, more, path == "" and name or path .. "." .. name, segments)
end

---The type of a key and the way to it.
---@param root moonline.ConfigType
---@param key string "sip.regions.ie1.bind"
---@return moonline.ConfigType?
---@return any[]|string segments or what is wrong
---@return string? suggestion
function keys.find(root, key)
  return walk(root, key, "", {})
end

local environment

local function map_key(kind, text)
  local key = kind.key and kind.key(text:lower())
  return key == nil and text:lower() or key
end

local function environment_map(kind, rest, segments)
  local inner = kind.of
  if inner.kind == "record" then
    for _, field in ipairs(suggest.keys(inner.fields)) do
      local tail = "_" .. field:upper()
      if #rest > #tail and rest:sub(-#tail) == tail then
        segments[#segments + 1] = map_key(kind, rest:sub(1, -#tail - 1))
        segments[#segments + 1] = field
        return inner.fields[field], segments
      end
    end
  end
  segments[#segments + 1] = map_key(kind, rest)
  return inner, segments
end

function environment(kind, rest, segments)
  if kind.kind == "map" then return environment_map(kind, rest, segments) end
  if kind.kind ~= "record" then return nil end
  for _, field in ipairs(suggest.keys(kind.fields)) do
    local head = field:upper()
    local inner = kind.fields[field]
    if rest == head then
      segments[#segments + 1] = field
      return inner, segments
    end
    if rest:sub(1, #head + 1) == head .. "_" then
      local found, way = environment(inner, rest:sub(#head + 2), { table.unpack(segments) })
      if found then
        table.insert(way, #segments + 1, field)
        return found, way
      end
    end
  end
  return nil
end

---The key that a variable such as MOONLINE_SIP_REGIONS_IE1_BIND sets; nil when it sets none.
---@param root moonline.ConfigType
---@param name string without MOONLINE_
---@return moonline.ConfigType?
---@return string[]? segments
function keys.of_environment(root, name)
  return environment(root, name, {})
end

return keys

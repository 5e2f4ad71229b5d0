-- Makes a failing schedule small: as few steps as still fail, each as plain as it can be.

local shrink = {}

-- The list without step i.
local function without(list, i)
  local rest = table.move(list, 1, i - 1, 1, {})
  return table.move(list, i + 1, #list, i, rest)
end

-- Plainer forms of a step.
local function plainer(step)
  local forms = {}
  for _, field in ipairs { "after", "all", "by" } do
    if step[field] ~= nil and not (field == "by" and step.delay and not step.past) then
      local form = {}
      for name, value in pairs(step) do form[name] = value end
      form[field] = nil
      forms[#forms + 1] = form
    end
  end
  return forms
end

local function replaced(list, i, step)
  local copy = { table.unpack(list) }
  copy[i] = step
  return copy
end

---@param list moonline.SimStep[]
---@param fails fun(list: moonline.SimStep[]): boolean
---@return moonline.SimStep[]
function shrink.smallest(list, fails)
  local i = 1
  while i <= #list and #list > 1 do
    local rest = without(list, i)
    if fails(rest) then list = rest else i = i + 1 end
  end
  for k = 1, #list do
    for _, form in ipairs(plainer(list[k])) do
      local candidate = replaced(list, k, form)
      if fails(candidate) then list = candidate end
    end
  end
  return list
end

return shrink

-- Options of public functions: one that there is not is refused by name, with the one that was meant.

local suggest = require "moonline.twiml.suggest"

local options = {}

---Names of the options by function, for whoever wants to know what there is.
---@type table<string, string[]>
options.known = {}

---Their checks, by function: for whoever stands before it.
---@type table<string, fun(given: table?, level: integer?): table>
options.checks = {}

local function refuse(what, name, names, level)
  local meant = type(name) == "string" and suggest.nearest(name, names)
  local hint = meant and "did you mean " .. meant .. "?"
    or "there are: " .. table.concat(names, ", ")
  error(("%s: there is no option %q (%s)"):format(what, tostring(name), hint), level + 2)
end

---The options of one function: what is given to it is checked by check(given, level), which gives it
---back; nil becomes an empty table. level 1 blames who calls the caller of check, as `error` does.
---@param what string for messages: "dial"
---@param ... string their names
---@return fun(given: table?, level: integer?): table check
function options.of(what, ...)
  local names, known = { ... }, {}
  table.sort(names)
  for _, name in ipairs(names) do known[name] = true end
  options.known[what] = names
  local function check(given, level)
    level = level or 1
    if given == nil then return {} end
    if type(given) ~= "table" then
      error(("%s: a table of options expected, not a %s"):format(what, type(given)), level + 2)
    end
    for name in next, given do
      if not known[name] then refuse(what, name, names, level + 1) end
    end
    return given
  end
  options.checks[what] = check
  return check
end

return options

---@meta
-- What files of moonline test and of phones see beside Lua's own globals, for editors.

---Declares a scenario: `scenario "name" { ... }`. docs/test.md lists its keys.
---@param name string
---@return fun(given: moonline.ScenarioKeys)
function scenario(name) end

---@class moonline.ScenarioKeys
---@field document string?
---@field text string?
---@field script string?
---@field url string?
---@field phones table<string, moonline.SimPhone|fun(call: moonline.Leg)>|string|nil
---@field pages table<string, string|moonline.SimPage|fun(request: moonline.WebRequest): any>?
---@field config table?
---@field seed integer?
---@field listen number?
---@field during (fun(live: moonline.SimLive))?
---@field caller boolean?
---@field expect (fun(seen: moonline.Seen))?
---@field ladder string?
---@field like string[]? a file and the name of a scenario in it, whose keys hold where there are none here
---@field schedule moonline.SimStep[]?

---In a file of phones: who calls.
---@param description moonline.SimPhone|fun(call: moonline.Leg)
function caller(description) end

---In a file of phones: one whose name is no word of Lua.
---@param name string
---@return fun(description: moonline.SimPhone|fun(call: moonline.Leg))
function phone(name) end

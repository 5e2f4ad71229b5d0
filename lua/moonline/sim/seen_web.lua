-- What a scenario expects of the requests that its web application got.

local expect = require "moonline.sim.expect"

---@class moonline.SeenWeb
---@field name string
---@field file string
---@field requests moonline.Fact[]
local Web = {}
Web.__index = Web

local function of_path(path)
  return function(fact) return fact.path == path end
end

---It was asked for that path, with these parameters.
---@param path string
---@param params table<string, any>? true: any value; false: none
---@param when { at: number?, before: number?, after: number?, times: integer? }?
---@return moonline.Fact
function Web:asked(path, params, when)
  return expect.one(self, "asked", path, self.requests, of_path(path), params, when)
end

---@param path string
---@param params table<string, any>?
function Web:never_asked(path, params)
  expect.none(self, "asked", path, self.requests, of_path(path), params)
end

return Web

-- A form of the REST interface: its fields by name, checked as they are taken.

local url = require "moonline.webhook.url"

---@class moonline.Form
---@field list string[][] { name, value } in their order
local Form = {}
Form.__index = Form

local form = {}

-- What is wrong with a form ends the request: caught by rest.answer.
local Fault = {}
Fault.__index = Fault
Fault.__name = "moonline.FormFault"

---@param code integer Twilio's
---@param message string
---@param status integer? 400
function form.fault(code, message, status)
  error(setmetatable({ code = code, message = message, status = status or 400 }, Fault), 0)
end

---@param value any
---@return boolean
function form.is_fault(value)
  return getmetatable(value) == Fault
end

---The last value of a name; an empty one counts as absent.
---@param name string
---@return string?
function Form:text(name)
  local found
  for _, pair in ipairs(self.list) do
    if pair[1] == name then found = pair[2] end
  end
  return found ~= "" and found or nil
end

---All values of a name that may be repeated; nil: it is absent.
---@param name string
---@return string[]?
function Form:all(name)
  local values = {}
  for _, pair in ipairs(self.list) do
    if pair[1] == name and pair[2] ~= "" then values[#values + 1] = pair[2] end
  end
  return values[1] and values
end

local function bad(code, name, value, wanted)
  return form.fault(code, ("%s=%s: %s"):format(name, value, wanted))
end

---@param name string
---@param least integer
---@param most integer
---@param code integer
---@return integer?
function Form:integer(name, least, most, code)
  local text = self:text(name)
  local value = text and text:match("^%d+$") and math.tointeger(tonumber(text))
  if text and not (value and value >= least and value <= most) then
    bad(code, name, text, ("an integer from %d to %d is expected"):format(least, most))
  end
  return value or nil
end

---@param name string
---@return boolean?
function Form:flag(name)
  local text = self:text(name)
  local word = text and text:lower()
  if word and word ~= "true" and word ~= "false" then
    bad(20001, name, text, "true or false is expected")
  end
  return word and word == "true"
end

---@param name string
---@param allowed string[]
---@param code integer
---@return string?
function Form:choice(name, allowed, code)
  local text = self:text(name)
  for _, word in ipairs(allowed) do
    if text == word then return text end
  end
  return text and bad(code, name, text, "one of " .. table.concat(allowed, ", ") .. " is expected")
end

---A method of a webhook.
---@param name string
---@return string? "GET" or "POST"
function Form:method(name)
  local text = self:text(name)
  local method = text and text:upper()
  if method and method ~= "GET" and method ~= "POST" then
    bad(21209, name, text, "GET or POST is expected")
  end
  return method
end

---An absolute web address whose host has no underscore.
---@param name string
---@return string?
function Form:url(name)
  local text = self:text(name)
  local parts = text and url.parse(text)
  if text and not (parts and parts.host ~= "" and not parts.host:find("_", 1, true)) then
    bad(21205, name, text, "an absolute http or https URL is expected")
  end
  return text
end

---@param encoded string application/x-www-form-urlencoded
---@return moonline.Form
function form.read(encoded)
  return setmetatable({ list = url.parse_form(encoded) }, Form)
end

return form

-- The warnings of a call, each with its place where there is one: the document's own, else that of the
-- verb that was running.

local warnings = {}

local PLACE <const> = "^(.-):(%d+):(%d+): (.*)$"

---@class moonline.PlacedWarning
---@field code integer
---@field text string "name:line:column: message" where it has a place
---@field name string? URL of the document
---@field line integer?
---@field column integer?
---@field message string without the place

---@param events table[] in time order
---@return moonline.PlacedWarning[]
function warnings.of(events)
  local list, document, verb = {}, {}, {}
  for _, event in ipairs(events) do
    local call = event.call
    if event.kind == "answer" then
      document[call], verb[call] = event.url, nil
    elseif event.kind == "verb" then
      verb[call] = event
    elseif event.kind == "warning" then
      local at, text = verb[call], event.text
      if at and at.column and document[call] and not text:find(PLACE) then
        text = ("%s:%d:%d: %s"):format(document[call], at.line, at.column, text)
      end
      local name, line, column, message = text:match(PLACE)
      list[#list + 1] = { code = event.code, text = text, name = name, line = tonumber(line),
        column = tonumber(column), message = message or text }
    end
  end
  return list
end

return warnings

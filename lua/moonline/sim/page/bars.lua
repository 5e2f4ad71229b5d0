-- The verbs of a call as bars along its time.

local documents = require "moonline.sim.page.documents"
local markup = require "moonline.sim.page.markup"

local escape = markup.escape

local bars = {}

local THIN <const> = 0.4 -- percent of the width that a bar has at least

local BAR <const> = [[
<li><div class="what"><b>%s</b> %s<span class="for">%s</span><span class="took">%.3f s</span></div>
<div class="track"><i style="left:%.3f%%;width:%.3f%%"></i></div><p>%s</p></li>]]

---@param steps moonline.Step[]
---@param seconds number of the whole call
---@param calls table<string, string> sid -> party
---@return string
function bars.of(steps, seconds, calls)
  local parts, whole = {}, math.max(seconds, 0.001)
  for i, step in ipairs(steps) do
    local name = ("&lt;%s&gt;"):format(escape(step.verb))
    local place = "line " .. (step.line or 0)
    if step.document then
      place = ("<a href=\"#%s\">%s</a>"):format(documents.anchor(step.document, step.line), place)
    end
    local width = math.max(step.seconds / whole * 100, THIN)
    local left = math.min(step.at / whole * 100, 100 - width)
    parts[i] = BAR:format(name, place, escape(calls[step.call] or ""), step.seconds, left, width,
      escape(table.concat(step.what, " · ")))
  end
  return ("<ol class=\"bars\">%s</ol>"):format(table.concat(parts, "\n"))
end

return bars

-- A call as one page of HTML that needs nothing else: its ladder, its verbs, what was heard, warnings
-- and documents. What came from outside stands in it as text; the page's own policy lets nothing else
-- run or be fetched.

local audio = require "moonline.sim.page.audio"
local bars = require "moonline.sim.page.bars"
local crypto = require "moonline.core.crypto"
local documents = require "moonline.sim.page.documents"
local lanes = require "moonline.sim.page.lanes"
local look = require "moonline.sim.page.look"
local markup = require "moonline.sim.page.markup"
local timeline = require "moonline.sim.timeline"
local warnings = require "moonline.sim.warnings"

local page = {}

---@class moonline.Page
---@field title string
---@field capture moonline.Capture
---@field heard moonline.PageAudio[]?
---@field sources { name: string, text: string }[]? documents that no web application gave
---@field facts string[]? short ones, beside the length

local function section(id, title, body)
  if not body or body == "" then return "" end
  return ("<section id=\"%s\"><h2>%s</h2>%s</section>\n"):format(id, title, body)
end

local function policy()
  local hash = crypto.base64(crypto.digest("sha256", look.script))
  return ("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-%s'; "
    .. "media-src data:; base-uri 'none'; form-action 'none'"):format(hash)
end

local function count(number, word)
  return ("%d %s%s"):format(number, word, number == 1 and "" or "s")
end

local function head(given, steps, problems)
  local chips = { ("%.1f s"):format(given.capture:seconds()), count(#steps, "verb"),
    count(#problems, "warning") }
  for _, fact in ipairs(given.facts or {}) do chips[#chips + 1] = fact end
  for i, text in ipairs(chips) do chips[i] = ("<li>%s</li>"):format(markup.escape(text)) end
  return ("<header><h1>%s</h1><ul class=\"facts\">%s</ul></header>"):format(
    markup.escape(given.title), table.concat(chips))
end

---@param given moonline.Page
---@return string
function page.of(given)
  local capture = given.capture
  local list, of_verb = documents.of(capture.events, given.sources)
  local problems = warnings.of(capture.events)
  documents.mark(list, problems)
  local steps = timeline.of(capture.events)
  for i, step in ipairs(steps) do step.document = of_verb[i] end
  local heard = given.heard and #given.heard > 0 and audio.of(given.heard)
  return table.concat {
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n",
    ("<meta http-equiv=\"Content-Security-Policy\" content=\"%s\"/>\n"):format(policy()),
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
    "<meta name=\"color-scheme\" content=\"light dark\"/>\n",
    ("<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n"):format(
      markup.escape(given.title), look.style),
    head(given, steps, problems), "\n<main>\n<div>\n",
    section("ladder", "Ladder <button type=\"button\" id=\"all\">unfold all</button>",
      lanes.of(capture)),
    "</div>\n<div>\n",
    section("verbs", "Verbs", #steps > 0 and bars.of(steps, capture:seconds(), capture.calls)),
    section("heard", "What was heard", heard),
    section("warnings", "Warnings", #problems > 0 and documents.warnings(problems)),
    section("documents", "Documents", documents.markup(list)),
    "</div>\n</main>\n",
    ("<script>%s</script>\n</body>\n</html>\n"):format(look.script),
  }
end

return page

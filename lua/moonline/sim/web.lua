-- The web application of a simulation: pages that are given, else files of a folder, else an empty
-- document.

local task = require "moonline.task"

---@class moonline.SimPage
---@field status integer?
---@field body string?
---@field headers table<string, string>?
---@field delay number|number[]? seconds before the answer (0.02); of two one between them

local web = {}

-- Seconds that an answer takes: what happens at the moment of a request comes before it in all runs.
local DELAY <const> = 0.02
local TYPES = { xml = "text/xml", wav = "audio/wav", mp3 = "audio/mpeg", txt = "text/plain" }

---A document around verbs that have none.
---@param text string
---@return string
function web.document(text)
  if not text:find("^%s*<") or text:find("<Response", 1, true) then return text end
  return ("<Response>%s</Response>"):format(text)
end

local function file(folder, path)
  local name = folder and path:match("^/([%w_%-]+%.?%w*)$")
  for _, tail in ipairs { "", ".xml" } do
    local found <close> = name and io.open(("%s/%s%s"):format(folder, name, tail), "rb")
    local text = found and found:read("a")
    if text then
      local kind = (name .. tail):match("%.(%w+)$")
      return 200, text, { ["Content-Type"] = TYPES[kind] or "text/plain" }
    end
  end
  return 200, "<Response/>"
end

---The answer to a request: status, body, headers, as a web server of moonline.http takes them.
---@param pages table<string, string|moonline.SimPage|fun(request: moonline.WebRequest): any>
---@param folder string?
---@param request moonline.WebRequest
---@param draw fun(what: string, range: number|number[]): number
---@return any ...
function web.answer(pages, folder, request, draw)
  local page = pages[request.path]
  task.sleep(draw(request.path, type(page) == "table" and page.delay or DELAY))
  if page == nil then return file(folder, request.path) end
  if type(page) == "function" then return page(request) end
  if type(page) == "string" then return 200, web.document(page) end
  return page.status or 200, web.document(page.body or "<Response/>"), page.headers
end

return web

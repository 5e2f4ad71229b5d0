-- The web application: it says in TwiML what happens with a call, and is told how it went. One like
-- this runs beside moonline in any language that speaks HTTP; here it is in the same program.
local moonline = require "moonline"

local web = {}

local pages = {}

-- Asked when kate has answered: she may take the call or not.
pages["/handle_screening_on_answer"] = function()
  local r = moonline.twiml.response()
  r:gather({ numDigits = 1, action = "/screened" }):say "Bob is calling. Press 1 to take the call."
  r:hangup()
  return r
end

-- Her key. An empty document goes on with the call.
pages["/screened"] = function(request)
  local r = moonline.twiml.response()
  if request.params.Digits ~= "1" then r:hangup() end
  return r
end

-- Asked when the call with kate is over and alice is still there.
pages["/handle_post_dial"] = function()
  local r = moonline.twiml.response()
  r:say "Thank you. Goodbye."
  return r
end

-- Told how a call comes along.
pages["/calls/events"] = function()
  return 204
end

---Serves the documents of a folder and the pages above, over http and https.
---@param documents string the folder
---@param keys string folder of web.pem and web.key, the certificate of myapp.com
---@param heard fun(request: table, status: integer) is told of every request and its answer
---@return { url: string, secure_port: integer } app
function web.open(documents, keys, heard)
  local function answer(request)
    local name = request.path:match "^/([%w-]+%.xml)$"
    local file <close> = name and io.open(documents .. "/" .. name)
    local page = file and function() return file:read "a" end or pages[request.path]
    if not page then
      heard(request, 404)
      return 404, "no such page"
    end
    local result = page(request)
    local is_status = type(result) == "number"
    heard(request, is_status and result or 200)
    return result
  end
  local plain = assert(moonline.http.serve({}, answer))
  local secure = assert(moonline.http.serve({
    certificate = keys .. "/web.pem", key = keys .. "/web.key",
  }, answer))
  return { url = plain.url, secure_port = secure.port }
end

return web

-- What is public: the names that users' files see of our objects (moonline.faces), and the module
-- "moonline" as it is for them.

local faces = require "moonline.faces"

local giving, taking = faces.giving, faces.taking

local public = {}

faces.kind("moonline.Leg", {
  shows = "id sid parent_sid from to state direction", keeps = "headers answer_headers",
  does = [[answer reject ring play say gather bridge conference enqueue dequeue refer echo
    send_digits run on status duration warn check hangup close]],
  gives = { dial = 2, record = 1, stream = 2, wait = false }, closes = "close",
})
faces.kind("moonline.Session", {
  shows = "call base screening hooks log", does = "warn callback_url run post",
  gives = { fetch = false, source = false },
})
faces.kind("moonline.Node", {
  shows = "name line column text children dropped fault", keeps = "attrs given", takes = "fault",
})
faces.kind("moonline.Document", { shows = "verbs errors", keeps = "problems" })
faces.kind("moonline.Dial", { shows = "call session", keeps = "attrs" })
faces.kind("moonline.Hooks", { does = "fire add" })
faces.kind("moonline.Stream", {
  shows = "sid name url", does = "stop close wait counts", closes = "stop",
})
faces.kind("moonline.Recording", {
  shows = "sid path url duration", does = "stop is_there", closes = "stop",
})
faces.kind("moonline.Take", { shows = "sid path url duration why key absent", closes = true })
faces.kind("moonline.Phone", {
  keeps = "addresses", does = "on uri close", gives = { call = 2, begin = false, register = 2 },
  closes = "close",
})
faces.kind("moonline.Registration", {
  shows = "status expires", does = "leave close", closes = "leave",
})
faces.kind("moonline.WebServer", { shows = "port url", does = "close", closes = "close" })
faces.kind("moonline.WebRequest", {
  shows = "method path target url peer body", keeps = "params headers list form",
  does = "respond is_signed", gives = { websocket = false },
})
faces.kind("moonline.WebSocket", {
  keeps = "over", does = "send receive messages queued close drop", closes = "close",
})
faces.kind("moonline.CallLog", { does = "debug info warning error" })
faces.open("moonline.Group", "moonline.TwimlElement", "moonline.DialOutcome")

-- What takes and gives plain values, or only those of the file itself.
local PLAIN <const> = {
  "clock", "group", "json", "log", "mailbox", "media", "sleep", "spawn", "timer", "version", "xml",
}

---The module "moonline" for users' files.
---@return table
function public.moonline()
  local ours, result = require "moonline", {}
  for _, name in ipairs(PLAIN) do result[name] = ours[name] end
  result.on, result.hook = taking(ours.on), taking(ours.hook)
  result.call = giving(ours.call, "call", 2)
  result.wait = giving(ours.wait)
  result.agent = giving(ours.agent, "agent", 1)
  result.http = {
    get = ours.http.get, post = ours.http.post, request = ours.http.request,
    serve = giving(ours.http.serve, "http.serve", 1),
  }
  result.twiml = {
    response = ours.twiml.response, parse = giving(ours.twiml.parse),
    run = taking(ours.twiml.run),
  }
  return result
end

---A verb or noun of a user's file, for us.
---@param element moonline.Element
---@return moonline.Element
function public.element(element)
  local result = {}
  for key, value in pairs(element) do
    result[key] = type(value) == "function" and faces.inward(value) or value
  end
  return result
end

return public

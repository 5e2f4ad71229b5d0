-- <Refer action method><Sip>URI</Sip></Refer>: asks the caller's side to call that URI itself.

local refer = require "moonline.refer"
local suggest = require "moonline.twiml.suggest"

local verb = {
  name = "Refer",
  attrs = {
    action = { "url", code = 11100 },
    method = { "method", default = "POST" },
  },
  children = { "Sip" },
  screening = false,
}

-- The noun is Dial's: what it says about a call of ours means nothing here.
local function check_attributes(sip, report)
  for _, name in ipairs(suggest.keys(sip.given)) do
    report(13750, sip, name .. " has no effect in a <Refer>", nil, "warning")
  end
end

function verb.check(node, report)
  if #node.children == 1 then
    node.fault = node.children[1].fault
    return check_attributes(node.children[1], report)
  end
  local message = "<Refer> needs one <Sip> with the URI to call"
  report(13243, node, message)
  node.fault = { code = 13243, message = message }
end

local function params_of(result)
  return {
    { "ReferCallStatus", result.status }, { "ReferSipResponseCode", result.code },
    { "NotifySipResponseCode", result.progress },
  }
end

function verb.run(session, node)
  local a, call = node.attrs, session.call
  local result = { status = "failed" }
  if not node.fault then
    local sip = node.children[1]
    result = refer.ask(call, refer.target(assert(sip.verb.target(session, sip))))
  end
  if not a.action then return nil end
  if call.ended then return session:post(a.action, params_of(result), a.method, "action") end
  return session:fetch(a.action, params_of(result), a.method, "action")
end

return verb

-- <Client url method statusCallback...>alice</Client> in a Dial: a registered user, on all phones of
-- his. <Identity> names him too; each <Parameter name value> goes along as a header.

local attrs = require "moonline.dial.attrs"
local party = require "moonline.dial.party"
local uri = require "moonline.dial.uri"

local LONGEST = 256
local BAD_HEADER = 13252

local client = {
  name = "Client",
  attrs = attrs.of(nil, {
    clientNotificationUrl = { "url", unsupported = true },
    referMethod = { "method", unsupported = true },
    referUrl = { "url", unsupported = true },
  }),
  text = true,
  children = { "Identity", "Parameter" },
}

local function identity(node)
  for _, child in ipairs(node.children) do
    if child.name == "Identity" then return child.text end
  end
  return node.text
end

-- The headers that the parameters become: X-name.
local function headers(node, report)
  local list = {}
  for _, child in ipairs(node.children) do
    if child.name == "Parameter" then
      local header, why = uri.header(child.attrs.name, child.attrs.value or "")
      if header then
        list[#list + 1] = header
      else
        report(BAD_HEADER, child, ("parameter %q %s; it is not sent"):format(child.attrs.name, why))
      end
    end
  end
  return list
end

function client.check(node, report)
  local name = identity(node)
  local problem = name == "" and "<Client> needs the name of a user"
    or #name > LONGEST and ("the name in <Client> has more than %d characters"):format(LONGEST)
  if problem then
    node.fault = { code = 12200, message = problem }
    return report(12200, node, problem .. "; it is not dialled")
  end
  headers(node, report)
end

function client.target(session, node)
  local target, code, message = party.client(session.env, identity(node))
  if code then session:warn(code, message) end
  target.headers = headers(node, function() end)
  return attrs.apply(target, node.attrs)
end

return client

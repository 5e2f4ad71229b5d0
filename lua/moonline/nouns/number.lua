-- <Number sendDigits url method statusCallback...>+1 555 0100</Number> in a Dial: a telephone number,
-- called through the trunk that takes it.

local attrs = require "moonline.dial.attrs"
local number = require "moonline.dial.number"
local party = require "moonline.dial.party"

local noun = {
  name = "Number",
  attrs = attrs.of(13221, attrs.machine, {
    sendDigits = { "digits", max = 32, code = 13222 },
    byoc = { "text", unsupported = true },
    phoneNumberSid = { "text", unsupported = true },
  }),
  text = true,
}

function noun.check(node, report)
  local plain, code, message = number.parse(node.text)
  if plain then return end
  node.fault = { code = code, message = message }
  report(code, node, message .. "; it is not dialled")
end

function noun.target(session, node)
  local target, code, message = party.number(session.config, node.text)
  if not target then return session:warn(code, message) end
  target.send_digits = node.attrs.sendDigits
  return attrs.apply(target, node.attrs)
end

return noun

-- <Say voice language loop>text</Say>: speaks the text.

local FOREVER = 1000 -- what loop="0" comes to
local LONGEST = 4096 -- characters

local say = {
  name = "Say",
  attrs = {
    voice = { "text", code = 13511, max = 100 },
    language = { "language", code = 13512 },
    loop = { "integer", default = 1, min = 0, max = FOREVER, code = 13510 },
  },
  text = true,
  markup = true,
}

function say.check(node, report)
  if node.text == "" then
    report(13520, node, "<Say> has nothing to say")
  elseif (utf8.len(node.text) or #node.text) > LONGEST then
    report(13521, node, ("<Say> reads at most %d characters"):format(LONGEST))
    node.fault = { code = 13521, message = "too much text" }
  end
end

function say.source(_, node)
  if node.text == "" or node.fault then return nil end
  local a = node.attrs
  return {
    say = node.markup or node.text, markup = node.markup ~= nil,
    language = a.language, voice = a.voice,
    loop = a.loop == 0 and FOREVER or a.loop,
  }
end

function say.run(session, node)
  local source = say.source(session, node)
  if source then session.call:play(source) end
end

return say

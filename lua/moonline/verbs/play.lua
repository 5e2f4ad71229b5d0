-- <Play loop digits>URL</Play>: plays a recording, or keys.

local FOREVER = 1000 -- what loop="0" comes to

local play = {
  name = "Play",
  attrs = {
    loop = { "integer", default = 1, min = 0, max = FOREVER, code = 13410 },
    digits = { "digits", max = 500, code = 13430 },
  },
  text = { "url", code = 11100 },
}

function play.check(node, report)
  if node.text ~= "" and node.attrs.digits then
    report(13750, node, "<Play> with digits presses these; its URL has no effect", nil, "warning")
  elseif node.text == "" and not node.attrs.digits and not node.given.digits then
    report(11100, node, "<Play> needs the URL of a recording as its text, or digits")
  end
end

function play.source(session, node)
  local a = node.attrs
  if a.digits then return { digits = a.digits } end
  if node.text == "" or node.fault then return nil end
  return {
    url = node.text, base = session.base, loop = a.loop == 0 and FOREVER or a.loop,
  }
end

function play.run(session, node)
  local source = play.source(session, node)
  if source then session.call:play(source) end
end

return play

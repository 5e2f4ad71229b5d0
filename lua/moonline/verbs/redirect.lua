-- <Redirect method>URL</Redirect>: goes on with that document; without a URL, with this one again.

return {
  name = "Redirect",
  attrs = {
    method = { "method", default = "POST", code = 13710 },
  },
  text = { "url", code = 11100 },
  run = function(session, node)
    if node.fault then return nil end -- no URL, as was told already
    return session:fetch(node.text, {}, node.attrs.method)
  end,
}

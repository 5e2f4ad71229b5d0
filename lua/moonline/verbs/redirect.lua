-- <Redirect method>URL</Redirect>: goes on with that document; without a URL, with this one again.

return {
  name = "Redirect",
  attrs = {
    method = { "method", default = "POST", code = 13710 },
  },
  text = { "url", code = 11100 },
  run = function(session, node)
    if node.fault then return session:warn(node.fault.code, node.fault.message) end
    return session:fetch(node.text, {}, node.attrs.method)
  end,
}

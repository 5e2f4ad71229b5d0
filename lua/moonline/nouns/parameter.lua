-- <Parameter name value/>: a value of one's own, passed on with what it stands in.

return {
  name = "Parameter",
  attrs = {
    name = { "text", required = true },
    value = { "text", default = "" },
  },
  ---{ name, value }
  target = function(_, node)
    return { node.attrs.name, node.attrs.value }
  end,
}

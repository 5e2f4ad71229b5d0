-- <Parameter name value/>: a value that goes along with what it stands in.

return {
  name = "Parameter",
  attrs = { name = { "text", required = true }, value = { "text" } },
  part = true,
  target = function(_, node) return node.attrs end,
}

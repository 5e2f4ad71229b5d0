-- <Identity>alice</Identity> in a Client: the name of the user, where parameters stand beside it.

return {
  name = "Identity",
  attrs = {},
  text = true,
  target = function(_, node) return node.text end,
}

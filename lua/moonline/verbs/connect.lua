-- <Connect action method>noun</Connect>: gives the caller to what the noun stands for until that ends.
-- A noun that can be connected has connect() in its target.

local connect = {
  name = "Connect",
  attrs = {
    action = { "url", code = 11100 },
    method = { "method", default = "POST" },
  },
  children = "nouns",
  screening = false,
}

function connect.check(node, report)
  local count = #node.children + #node.dropped
  if count > 1 then report(12200, node, "<Connect> takes one noun, not " .. count) end
end

function connect.run(session, node)
  local child = node.children[1]
  if not child then session:warn(12200, "<Connect> has nothing to connect to") end
  local target = child and child.verb.target(session, child)
  local result = target and target.connect and target.connect()
  if not node.attrs.action then return nil end
  return session:fetch(node.attrs.action, result or {}, node.attrs.method, "action")
end

return connect

-- <Start>noun</Start>: begins what goes on beside the verbs that follow. A noun that can be started has
-- start() in its target.

local start = {
  name = "Start",
  attrs = {
    action = { "url", unsupported = true },
    method = { "method", unsupported = true },
  },
  children = "nouns",
}

function start.run(session, node)
  if #node.children == 0 then session:warn(12200, "<Start> has nothing to start") end
  for _, child in ipairs(node.children) do
    local target = child.verb.target(session, child)
    if target and target.start then target.start() end
  end
end

return start

-- <Start>noun</Start>: begins what goes on beside the verbs that follow. A noun that can be started has
-- start() in its target.

local start = { name = "Start", attrs = {}, children = "nouns" }

function start.check(node, report)
  if #node.children + #node.dropped == 0 then
    report(12200, node, "<Start> has nothing to start")
  end
end

function start.run(session, node)
  for _, child in ipairs(node.children) do
    local target = child.verb.target(session, child)
    if target and target.start then target.start() end
  end
end

return start

-- <Stop>noun</Stop>: ends what <Start> began. A noun that can be stopped has stop() in its target.

local stop = { name = "Stop", attrs = {}, children = "nouns" }

function stop.check(node, report)
  if #node.children + #node.dropped == 0 then
    report(12200, node, "<Stop> has nothing to stop")
  end
end

function stop.run(session, node)
  for _, child in ipairs(node.children) do
    local target = child.verb.target(session, child)
    if target and target.stop then target.stop() end
  end
end

return stop

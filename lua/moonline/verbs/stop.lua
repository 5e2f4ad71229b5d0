-- <Stop>noun</Stop>: ends what <Start> began. A noun that can be stopped has stop() in its target.

local stop = { name = "Stop", attrs = {}, children = "nouns" }

function stop.run(session, node)
  if #node.children == 0 then session:warn(12200, "<Stop> has nothing to stop") end
  for _, child in ipairs(node.children) do
    local target = child.verb.target(session, child)
    if target and target.stop then target.stop() end
  end
end

return stop

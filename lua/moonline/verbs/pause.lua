-- <Pause length>: waits. Before the call is answered it puts the answer off.

local pause = {
  name = "Pause",
  attrs = {
    length = { "integer", default = 1, min = 0, max = 86400, code = 13910 },
  },
}

function pause.source(_, node)
  return { silence = node.attrs.length }
end

function pause.run(session, node)
  local call = session.call
  if call.state ~= "ringing" then
    call:play(pause.source(session, node))
    return
  end
  call:wait({}, node.attrs.length)
  call:answer()
end

return pause

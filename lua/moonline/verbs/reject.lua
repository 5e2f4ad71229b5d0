-- <Reject reason>: refuses a call that is not answered yet, at no cost to the caller.

return {
  name = "Reject",
  attrs = {
    reason = {
      "enum", default = "rejected", values = { "rejected", "busy" }, code = 13810,
    },
  },
  screening = false,
  run = function(session, node)
    local call = session.call
    if call.state == "ringing" then
      call:reject(node.attrs.reason)
    else
      call:hangup()
    end
  end,
}
